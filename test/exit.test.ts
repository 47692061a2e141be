// A drain leaves no timer, socket or promise behind: the process that made it ends by itself, whatever the peer does.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Report } from "../src/index.ts";
import { given, pullWaits } from "./conformance/faults.suite.ts";
import { labProxy } from "./support/lab-client.ts";

const LIMIT_MS = 5_000;
// A process that hangs must fail its test, not the run.
const HANG_MS = 15_000;

interface Own {
  readonly limitMs?: number;
  readonly maxWaitMs?: number;
  readonly stop?: (child: ChildProcess) => unknown;
}

/** Drains in a process of its own; resolves when that has ended, with its report and how long it lived after it. */
async function drainAndExit(
  servers: string,
  { limitMs = LIMIT_MS, maxWaitMs = 1_500, stop = () => {} }: Own = {},
): Promise<{ report: Report; livedOnMs: number; code: number | null }> {
  const script = fileURLToPath(new URL("support/exit-drain.ts", import.meta.url));
  const child = spawn(process.execPath, [script, servers, String(limitMs), String(maxWaitMs)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  void stop(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), HANG_MS);
  let reportedAt = 0;
  child.stdout.once("data", () => {
    reportedAt = Date.now();
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  clearTimeout(timer);
  return { report: JSON.parse(output) as Report, livedOnMs: Date.now() - reportedAt, code }; // exit-drain.ts printed it
}

test("a drain that completed leaves nothing behind", async () => {
  const server = await given(3);
  const { report, livedOnMs, code } = await drainAndExit(server.wsUrl);
  expect(report).toMatchObject({ outcome: "completed", acked: 3 });
  expect(code).toBe(0);
  expect(livedOnMs).toBeLessThan(1_000);
});

test("a drain whose server froze leaves nothing behind", async () => {
  const server = await given(0);
  const running = drainAndExit(server.wsUrl);
  await pullWaits(server);
  await server.signal("SIGSTOP");
  const { report, livedOnMs, code } = await running;
  expect(report.reason).toBe("heartbeat-lost");
  expect(code).toBe(0);
  // Node's own WebSocket would wait for a Close frame for ever.
  expect(livedOnMs).toBeLessThan(1_000);
});

test("a drain whose own process stood still for many heartbeats does not take the server for lost", async () => {
  const server = await given(0);
  const proxy = await labProxy(server);
  const stopped = Promise.withResolvers<void>();
  const stop = async (child: ChildProcess): Promise<void> => {
    await pullWaits(server);
    child.kill("SIGSTOP");
    // Four heartbeats or five, of 200 ms: twice as long as a server may be silent.
    await proxy.onceBytesDown(800);
    await server.publish("ORDERS.new", 1);
    child.kill("SIGCONT");
    stopped.resolve();
  };
  const { report } = await drainAndExit(proxy.url, { limitMs: 12_000, maxWaitMs: 8_000, stop });
  await stopped.promise;
  expect(report).toMatchObject({ outcome: "completed", reason: "empty", acked: 1 });
});

test("a drain whose connection went half-open leaves nothing behind", async () => {
  const server = await given(0);
  const proxy = await labProxy(server);
  const running = drainAndExit(proxy.url);
  await pullWaits(server);
  await proxy.halfOpen();
  const { report, livedOnMs, code } = await running;
  expect(report.reason).toBe("heartbeat-lost");
  expect(code).toBe(0);
  expect(livedOnMs).toBeLessThan(1_000);
});

test("a drain that never got an answer leaves nothing behind", async () => {
  const server = await given(0);
  const proxy = await labProxy(server);
  await proxy.blackhole("both");
  const { report, livedOnMs, code } = await drainAndExit(proxy.url);
  expect(report.reason).toBe("connect-timeout");
  expect(code).toBe(0);
  expect(livedOnMs).toBeLessThan(1_000);
});
