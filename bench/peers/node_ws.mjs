// The npm library `ws` on Node. Usage: `node --expose-gc node_ws.mjs CA`.
// Takes the same jobs as the peers in Python: see driver.py.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { performance } from "node:perf_hooks";
import { createRequire } from "node:module";
import WebSocket from "ws";

const MESSAGE = "x".repeat(100);
const ca = readFileSync(process.argv[2]);
const { version } = createRequire(import.meta.url)("ws/package.json");

const connect = (url, deflate = false) => new WebSocket(url, { ca, perMessageDeflate: deflate });

/** Connect, send one message, receive `count` messages, close. */
const receive = (url, count, deflate) =>
  new Promise((resolve, reject) => {
    const ws = connect(url, deflate);
    let left = count;
    ws.on("open", () => ws.send(MESSAGE));
    ws.on("message", (data) => {
      data.toString(); // Text reaches the user as a string, as it does in the other peers.
      if (--left === 0) ws.close(1000);
    });
    ws.on("error", reject);
    ws.on("close", resolve);
  });

const measured = async (work) => {
  globalThis.gc();
  const began = performance.now();
  const cpu = process.cpuUsage();
  await work();
  const spent = process.cpuUsage(cpu);
  return { wall: (performance.now() - began) / 1e3, cpu: (spent.user + spent.system) / 1e6 };
};

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1e3));

const hold = (url) =>
  new Promise((resolve, reject) => {
    const ws = connect(url);
    ws.on("open", () =>
      resolve(() => new Promise((closed) => ws.on("close", closed).close(1000))),
    );
    ws.on("error", reject);
  });

const resident = () => process.memoryUsage.rss() / 1024;

const listen = (url, reply, into) =>
  new Promise((resolve, reject) => {
    const ws = connect(url);
    ws.on("open", () => ws.send(MESSAGE));
    ws.on("message", (data) => {
      const at = performance.timeOrigin + performance.now();
      if (reply) ws.send(MESSAGE);
      into.push([data.toString("utf8", 0, 40), Math.round(at * 1e6), false]);
    });
    ws.on("error", reject);
    ws.on("close", resolve);
  });

const jobs = {
  async cycles({ url, count, concurrency }) {
    await receive(url, 1, false);
    const work = async () => {
      for (let i = 0; i < Math.floor(count / concurrency); i++) await receive(url, 1, false);
    };
    return measured(() => Promise.all(Array.from({ length: concurrency }, work)));
  },
  receive({ url, count, deflate }) {
    return measured(() => receive(`${url}&count=${count}`, count, deflate));
  },
  async hold({ url, count }) {
    const closers = [];
    const open = async (number) =>
      closers.push(...(await Promise.all(Array.from({ length: number }, () => hold(url)))));
    await open(20);
    globalThis.gc();
    const before = resident();
    for (let i = 0; i < Math.floor(count / 50); i++) await open(50);
    await sleep(1);
    globalThis.gc();
    const kib = resident() - before;
    await Promise.all(closers.map((close) => close()));
    return { kib };
  },
  async stamps({ probes, load, block }) {
    const results = { probes: [], load: [] };
    let over = false;
    const hold = () => {
      if (over) return;
      const until = performance.now() + block * 1e3;
      while (performance.now() < until);
      setTimeout(hold, -Math.log(1 - Math.random()) * 25);
    };
    if (block) setTimeout(hold, 25);
    await Promise.all([
      ...load.map((url) => listen(url, true, results.load)),
      ...probes.map((url) => listen(url, false, results.probes)),
    ]);
    over = true;
    return results;
  },
};

console.log(JSON.stringify(`${version} on Node ${process.versions.node}`));
for await (const line of createInterface({ input: process.stdin })) {
  const { job, ...options } = JSON.parse(line);
  console.log(JSON.stringify(await jobs[job](options)));
}
process.exit(0);
