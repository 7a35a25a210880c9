// ioredis's cluster client under load while a master dies and while slots move. Run by ci/cluster-client.
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const { setTimeout: pause } = require("node:timers/promises");
const assert = require("node:assert");
const Redis = require("ioredis");

const PATIENCE = 30_000;
const addresses = process.env.REDIS_CLUSTER.split(",").map((address) => {
  const [host, port] = address.split(":");
  return { host, port: Number(port) };
});

async function main() {
  const cluster = new Redis.Cluster(addresses, { clusterRetryStrategy: () => 50 });
  cluster.on("error", () => {});
  const expected = new Map();

  const write = async (number) => {
    const began = Date.now();
    for (;;) {
      try {
        assert.equal(await cluster.set(`key:${number}`, number), "OK");
        expected.set(`key:${number}`, String(number));
        return Date.now() - began;
      } catch (error) {
        if (Date.now() - began > PATIENCE) throw error;
        await pause(50);
      }
    }
  };
  const allThere = async () => {
    for (const [key, value] of expected) assert.equal(await cluster.get(key), value, key);
  };

  for (let number = 0; number < 1000; number++) await write(number);
  await allThere();
  for (const node of cluster.nodes("master")) assert.equal(await node.wait(1, 5000), 1);

  const [host, port] = [cluster.nodes("master")[0].options.host, cluster.nodes("master")[0].options.port];
  const victim = new Redis({ host, port, lazyConnect: true, retryStrategy: null });
  victim.on("error", () => {});
  await victim.connect();
  await victim.call("SHUTDOWN", "NOSAVE").catch(() => {});
  let outage = 0;
  for (let number = 1000; number < 2000; number++) outage = Math.max(outage, await write(number));
  await allThere();

  const reshard = spawn(process.env.runner, ["reshard", "--name", process.env.REDIS_TOPOLOGY, "--slots", "500", "--to", "@owner(key:1)"]);
  const ended = once(reshard, "exit");
  let number = 2000;
  while (reshard.exitCode === null) await write(number++);
  assert.equal((await ended)[0], 0, "the reshard failed");
  await allThere();
  console.log(`ioredis: ${expected.size} writes through a failover (longest ${(outage / 1000).toFixed(1)} s) and a reshard, all there`);
  cluster.disconnect();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
