// What people run on Redis from Node: BullMQ, ioredis's own scripts, redlock. Run by ci/frameworks, which sets REDIS_URL.
"use strict";
const assert = require("node:assert");
const { Queue, Worker, FlowProducer, QueueEvents, UnrecoverableError } = require("bullmq");
const Redis = require("ioredis");
const Redlock = require("redlock");

const url = process.env.REDIS_URL;
const patience = 60_000;
const connect = () => new Redis(url, { maxRetriesPerRequest: null });
const version = (name) => require(`${name}/package.json`).version;

async function until(what, condition) {
  const end = Date.now() + patience;
  while (!(await condition())) {
    assert(Date.now() < end, `${what}: not within ${patience} ms`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

async function throughBullMQ() {
  const connection = connect();
  const opened = [];
  const open = (it) => (opened.push(it), it);
  const queue = open(new Queue("work", { connection }));
  const events = open(new QueueEvents("work", { connection: connect() }));
  await events.waitUntilReady();
  const order = [];
  // What waits before the worker runs comes by its priority.
  for (const [name, priority] of [["low", 9], ["high", 1], ["middle", 5]]) await queue.add("note", { name }, { priority });
  const tries = new Map();
  const worker = open(new Worker("work", async (job) => {
    if (job.name === "note") order.push(job.data.name);
    if (job.name === "flaky") {
      tries.set(job.id, (tries.get(job.id) ?? 0) + 1);
      if (tries.get(job.id) < 3) throw new Error("not yet");
      return "at last";
    }
    if (job.name === "hopeless") throw new UnrecoverableError("never");
    if (job.name === "parent") return Object.values(await job.getChildrenValues()).reduce((one, other) => one + other, 0);
    if (job.name === "child") return job.data.number;
    await job.updateProgress(50);
    return `${job.name} done`;
  }, { connection: connect(), concurrency: 1 }));
  await until("three notes", () => order.length === 3);
  assert.deepStrictEqual(order, ["high", "middle", "low"]);

  const plain = await queue.add("plain", {});
  assert.strictEqual(await plain.waitUntilFinished(events, patience), "plain done");
  const flaky = await queue.add("flaky", {}, { attempts: 3, backoff: { type: "fixed", delay: 50 } });
  assert.strictEqual(await flaky.waitUntilFinished(events, patience), "at last");
  const hopeless = await queue.add("hopeless", {}, { attempts: 5 });
  await assert.rejects(hopeless.waitUntilFinished(events, patience), /never/);
  const began = Date.now();
  const delayed = await queue.add("delayed", {}, { delay: 500 });
  assert.strictEqual(await delayed.waitUntilFinished(events, patience), "delayed done");
  assert(Date.now() - began >= 490, "before its time");
  const same = await Promise.all([queue.add("twice", {}, { jobId: "one-id" }), queue.add("twice", {}, { jobId: "one-id" })]);
  assert.strictEqual(same[0].id, same[1].id);

  const flows = open(new FlowProducer({ connection: connect() }));
  const numbers = [1, 2, 3, 4];
  const flow = await flows.add({ name: "parent", queueName: "work",
    children: numbers.map((number) => ({ name: "child", queueName: "work", data: { number } })) });
  assert.strictEqual(await flow.job.waitUntilFinished(events, patience), 10);

  await queue.upsertJobScheduler("each", { every: 100 }, { name: "repeated" });
  await until("repetitions", async () => (await queue.getCompleted()).filter((job) => job.name === "repeated").length >= 3);
  await queue.removeJobScheduler("each");
  await queue.addBulk(Array.from({ length: 500 }, (_, number) => ({ name: "bulk", data: { number } })));
  await until("five hundred jobs", async () => (await queue.getJobCounts("waiting", "active")).waiting === 0);
  await worker.pause();
  await queue.pause();
  await queue.add("kept", {});
  assert.strictEqual(await queue.isPaused(), true);
  assert.strictEqual(await queue.count(), 1);
  await queue.resume();
  await queue.obliterate({ force: true });
  await Promise.all(opened.map((it) => it.close()));
  connection.disconnect();
  return `BullMQ ${version("bullmq")}: priorities, retries, delays, flows, schedulers, 500 jobs at once, pauses`;
}

async function throughScripts() {
  const redis = connect();
  redis.defineCommand("take", { numberOfKeys: 1, lua: `
    local left = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
    if left == 0 then return {0, 0} end
    redis.call('SET', KEYS[1], left - 1, 'PX', ARGV[2])
    return {1, left - 1}` });
  assert.deepStrictEqual(await redis.take("tokens", 2, 60_000), [1, 1]);
  await redis.script("FLUSH");
  assert.deepStrictEqual(await redis.take("tokens", 2, 60_000), [1, 0]);
  const replies = await redis.pipeline().take("tokens", 2, 60_000).ttl("tokens").exec();
  assert.deepStrictEqual(replies[0], [null, [0, 0]]);
  redis.disconnect();
  return `ioredis ${version("ioredis")}: own commands as scripts, in pipelines, after SCRIPT FLUSH`;
}

async function throughRedlock() {
  const redis = connect();
  const locks = new Redlock([redis], { retryCount: 0 });
  const held = await locks.lock("resource", 10_000);
  await assert.rejects(locks.lock("resource", 10_000));
  const longer = await held.extend(20_000);
  assert((await redis.pttl("resource")) > 10_000);
  await longer.unlock();
  await (await locks.lock("resource", 10_000)).unlock();
  redis.disconnect();
  return `redlock ${version("redlock")}: lock, refusal, extension, unlock`;
}

(async () => {
  for (const play of [throughScripts, throughRedlock, throughBullMQ]) {
    const redis = connect();
    await redis.flushall();
    redis.disconnect();
    console.log(`ok: ${await play()}`);
  }
})().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
