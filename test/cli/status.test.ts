// `sluice status` as an operator runs it, against a real nats-server; a process where it prints the most, and where it goes on.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { statusLines } from "../../src/cli/status/print.ts";
import { jsonLine } from "../../src/cli/terminal.ts";
import { writeHistory } from "../../src/observe/history.ts";
import { BUCKET, makeBucket } from "../support/bucket.ts";
import { connectAs } from "../support/delivery.ts";
import { labServer } from "../support/lab-client.ts";
import { ADMIN_USER } from "../support/nats.ts";
import { reportOf } from "../support/report.ts";
import { type RunningSluice, SLUICE, sluice, sluiceEnv, startSluice } from "../support/sluice.ts";

/** util-linux' program that gives another one a terminal. */
const hasTerminal = spawnSync("script", ["--version"]).stdout?.includes("util-linux") === true;
/** To the top left, and nothing behind it. */
const CLEAR = "\u001b[H\u001b[2J";

let env: Record<string, string>;
beforeEach(async () => {
  const server = await labServer();
  await server.createStream("EVENTS");
  await server.createConsumer("EVENTS", "sluice");
  await server.publish("EVENTS.made", 3);
  const { nats } = await connectAs("admin", server.wsUrl);
  onTestFinished(() => nats.close());
  await makeBucket(nats);
  await writeHistory(nats, reportOf("max-wait"), { bucket: BUCKET }, 10_000);
  env = {
    NATS_URL: server.wsUrl,
    NATS_USER: ADMIN_USER.user,
    NATS_PASSWORD: ADMIN_USER.pass,
    NATS_STREAM: "EVENTS",
    NATS_CONSUMER: "sluice",
  };
});

function start(...args: string[]): RunningSluice {
  return startSluice(["status", ...args], env);
}

it("sluice status shows what the consumer has left and the drains of the history", async () => {
  const { code, stdout, stderr } = await start("--bucket", BUCKET).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("pending 3, unacked 0, redelivered 0, waiting pulls 0");
  expect(stdout).toMatch(/^2026-11-25T06:00:00.000Z {2}completed {2}max-wait {2}5 {8}4 {6}420$/m);
});

it("sluice status --json prints one line", async () => {
  const { stdout } = await sluice(["status", "--json"], env);
  expect(JSON.parse(stdout)).toMatchObject({ state: { stream: "EVENTS", consumer: "sluice", pending: 3 } });
});

it.skipIf(process.platform === "win32")("sluice status --watch shows it again, until Ctrl-C", async () => {
  const { child, ended } = start("--json", "--watch", "50ms");
  let seen = "";
  child.stdout?.on("data", (text: string) => {
    seen += text;
    if (seen.split("\n").length > 3) child.kill("SIGINT");
  });
  await once(child, "exit");
  const { stdout, stderr } = await ended;
  expect(stdout.trimEnd().split("\n").length).toBeGreaterThanOrEqual(3);
  expect(stderr).toBe("");
});

it.skipIf(!hasTerminal)("sluice status --watch redraws a terminal, and nothing else", async () => {
  const command = `"${process.execPath}" "${SLUICE}" status --watch 50ms`;
  const terminal = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...sluiceEnv(env), PATH: process.env.PATH },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let seen = "";
  for await (const text of terminal.stdout.setEncoding("utf8")) {
    seen += text;
    if (seen.split(CLEAR).length > 3) break; // the terminal is gone, and the command with it
  }
  terminal.kill("SIGTERM");
  const [before, ...screens] = seen.split(CLEAR);
  expect(before).toBe("");
  for (const screen of screens.slice(0, -1)) expect(screen).toMatch(/^EVENTS \/ sluice, \S+\r\npending 3, /);
});

it("sluice status says of a history without a report what may be the reason", async () => {
  const { code, stdout } = await sluice(["status", "--bucket", "gone"], env);
  expect(code).toBe(0);
  expect(stdout).toContain("The history has no report: no drain has ended yet, or there is no such bucket");
});

it("sluice status says in one line what it cannot ask", async () => {
  const { code, stderr } = await sluice(["status", "--consumer", "gone"], env);
  expect(code).toBe(1);
  expect(stderr).toBe('sluice: consumer "gone" of stream "EVENTS" cannot be asked: consumer not found\n');
});

it("a line of JSON shows a terminal no control characters, and says the same", () => {
  const value = { message: "a\u001b[2J\u009b\u202e\u{e0001}b\u2028" };
  const line = jsonLine(value);
  expect(line).toMatch(/^[ -~]+$/);
  expect(JSON.parse(line)).toEqual(value);
});

it("sluice status makes control characters of a report harmless, and shows what mends a finding", () => {
  const state = { stream: "EVENTS", consumer: "sluice", pending: 0, unacked: 0, redelivered: 0, waiting: 0 };
  const finding = { code: "ack-wait", message: "It is short.\u001b[2J", mend: "nats consumer edit" };
  const lines = statusLines({ at: "now", state, reports: [reportOf(undefined, { findings: [finding] })] });
  expect(lines.at(-1)).toBe("ack-wait: It is short.\\u{1b}[2J Mend: nats consumer edit");
});
