// ioredis inside TLS, as a user of few rights, through a failover. Run by ci/secure-client, which sets the addresses.
"use strict";
const { execFileSync } = require("node:child_process");
const { readFileSync } = require("node:fs");
const { setTimeout: pause } = require("node:timers/promises");
const assert = require("node:assert");
const Redis = require("ioredis");

const patience = 30_000;
const { env } = process;
const tls = { ca: readFileSync(env.REDIS_TLS_CA_CERT), cert: readFileSync(env.REDIS_TLS_CERT), key: readFileSync(env.REDIS_TLS_KEY) };
const url = new URL(env.REDIS_URL);
assert.equal(url.protocol, "rediss:");
const user = { username: url.username, password: url.password };
const addresses = (name) => env[name].split(",").map((address) => {
  const [host, port] = address.split(":");
  return { host, port: Number(port) };
});

function connected() {
  if (env.REDIS_CLUSTER) {
    return new Redis.Cluster(addresses("REDIS_CLUSTER"), { clusterRetryStrategy: () => 50, redisOptions: { tls, ...user } });
  }
  return new Redis({
    sentinels: addresses("REDIS_SENTINELS"), name: env.REDIS_SENTINEL_MASTER, tls, enableTLSForSentinelMode: true, sentinelTLS: tls,
    sentinelPassword: new URL(env.REDIS_SENTINEL_1_URL).password, ...user, commandTimeout: 2000, maxRetriesPerRequest: 1, retryStrategy: () => 50,
  });
}

async function main() {
  const client = connected();
  client.on("error", () => {});
  let written = 0;
  const write = async () => {
    const began = Date.now();
    for (;;) {
      try {
        assert.equal(await client.set(`app:${written}`, written), "OK");
        written += 1;
        return Date.now() - began;
      } catch (error) {
        if (Date.now() - began > patience) throw error;
        await pause(50);
      }
    }
  };
  for (let number = 0; number < 300; number++) await write();
  await assert.rejects(client.set("other", 1), /NOPERM/);
  const victim = env.REDIS_CLUSTER ? "@owner=app:1" : "@master";
  execFileSync(env.runner, ["kill", victim, "--name", env.REDIS_TOPOLOGY]);
  let outage = 0;
  for (let number = 0; number < 300; number++) outage = Math.max(outage, await write());
  for (let number = 0; number < written; number++) assert.equal(await client.get(`app:${number}`), String(number));
  console.log(`ok: ioredis ${require("ioredis/package.json").version}: ${written} writes through a failover (longest ${(outage / 1000).toFixed(1)} s), all there`);
  client.disconnect();
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
