// `sluice doctor` as a newcomer runs it, in each of the situations that it is for: a real process, a real nats-server.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { defineDrain } from "../../src/index.ts";
import { type LabServer, labRefusedPort, labServer, labStatusPeer } from "../support/lab-client.ts";
import { ADMIN_USER_CONFIG } from "../support/nats.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const MINUTE_NS = 60_000_000_000;

interface Diagnosis {
  readonly ok: boolean;
  readonly findings: readonly { readonly code: string; readonly message: string; readonly mend?: string }[];
  readonly budget?: { readonly limitMs: number };
  readonly report: { readonly outcome: string; readonly reason: string };
}

interface Run {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Run> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [MAIN, "doctor", ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

/** With `--json`: the exit code, the codes of the findings, and all of it. */
async function doctor(env: Readonly<Record<string, string>>, ...args: string[]) {
  const { code, stdout, stderr } = await run(["--json", ...args], env);
  expect(stderr).toBe("");
  const said: Diagnosis = JSON.parse(stdout);
  return { code, codes: said.findings.map((finding) => finding.code), said };
}

/** A stream and a consumer that fit, and the environment of a Worker that drains it. */
async function givenHealthy(server?: LabServer, consumer: Parameters<LabServer["createConsumer"]>[2] = {}) {
  const nats = server ?? (await labServer());
  await nats.createStream("ORDERS", { subjects: ["orders.>"] });
  await nats.createConsumer("ORDERS", "billing", { ack_wait: MINUTE_NS, max_deliver: 10, ...consumer });
  const env: Record<string, string> = {
    NATS_URL: nats.wsUrl,
    NATS_STREAM: "ORDERS",
    NATS_CONSUMER: "billing",
    NATS_USER: "drain",
    NATS_PASSWORD: "drain-pw",
  };
  return { server: nats, env };
}

it("sluice doctor finds nothing where all is well, takes no message and stores none", async () => {
  const { server, env } = await givenHealthy();
  await server.createStream("DLQ", { subjects: ["dlq.>"] });
  await server.publish("orders.eu", 3);
  const target = await labStatusPeer(405);
  const url = `http://127.0.0.1:${target.port}/events`;
  const { code, said } = await doctor({ ...env, TARGET_URL: url, DEAD_LETTER_SUBJECT: "dlq.orders" });
  expect(said.findings).toEqual([]);
  expect({ code, ...said }).toMatchObject({ code: 0, ok: true, budget: { limitMs: 30_000 } });
  const { delivered, ackPending, pending } = await server.consumerState("ORDERS", "billing");
  expect({ delivered, ackPending, pending }).toEqual({ delivered: 0, ackPending: 0, pending: 3 });
  expect((await server.streamState("DLQ")).messages).toBe(0);
});

it("sluice doctor draws the budget, and each finding with its mend", async () => {
  const { env } = await givenHealthy(undefined, { max_deliver: 2 });
  const { code, stdout } = await run(["--limit", "10s"], env);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^connect +2500 ms +█+\n[\s\S]*\nlimit +10000 ms\n/);
  expect(stdout).toMatch(
    /✗ max-deliver-few: .*\n {4}nats consumer edit ORDERS billing --max-deliver 10 --force\n/,
  );
});

it("sluice doctor reads a Worker's wrangler.toml and .dev.vars", async () => {
  const { env } = await givenHealthy();
  const folder = await mkdtemp(join(tmpdir(), "sluice-doctor-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const vars = ["NATS_URL", "NATS_STREAM", "NATS_CONSUMER"].map((name) => `${name} = "${env[name]}"`);
  await writeFile(join(folder, "wrangler.toml"), `[vars]\nLIMIT_MS = 20000\n${vars.join("\n")}\n`);
  await writeFile(join(folder, ".dev.vars"), "NATS_USER=drain\nNATS_PASSWORD=drain-pw\n");
  const { code, said } = await doctor({}, "--worker", folder);
  expect({ code, ...said }).toMatchObject({ code: 0, ok: true, budget: { limitMs: 20_000 } });
});

describe("sluice doctor names", () => {
  it("a wrong stream name", async () => {
    const { env } = await givenHealthy();
    const { code, codes, said } = await doctor({ ...env, NATS_STREAM: "ODERS" });
    expect({ code, codes }).toEqual({ code: 78, codes: ["stream-not-found"] });
    expect(said.findings[0]?.message).toContain("ODERS");
  });

  it("each denied permission", async () => {
    const server = await labServer({
      authorization: `accounts { APP { jetstream: enabled, users: [ ${ADMIN_USER_CONFIG},
        { user: drain, password: "drain-pw", permissions: {
          publish: { allow: ["$JS.API.CONSUMER.INFO.>"] }, subscribe: { allow: ["_INBOX.>"] } } } ] } }`,
    });
    const { env } = await givenHealthy(server);
    const { code, codes, said } = await doctor(env);
    expect({ code, codes }).toEqual({ code: 78, codes: ["permission-denied", "permission-denied"] });
    expect(said.findings[0]?.message).toContain("$JS.API.CONSUMER.MSG.NEXT.ORDERS.billing");
    expect(said.findings[1]?.message).toContain("$JS.ACK.ORDERS.billing");
  });

  it("a frozen server", async () => {
    const { server, env } = await givenHealthy();
    await server.signal("SIGSTOP");
    const { code, codes } = await doctor(env, "--limit", "4s");
    expect({ code, codes }).toEqual({ code: 75, codes: ["connect-timeout"] });
  });

  it("a consumer whose InactiveThreshold ends before the next run, and that it is gone then", async () => {
    const { server, env } = await givenHealthy(undefined, { inactive_threshold: MINUTE_NS });
    const before = await doctor(env, "--every", "5m");
    expect(before).toMatchObject({ code: 1, codes: ["inactive-threshold"] });
    expect(before.said.findings[0]?.mend).toBe(
      "nats consumer edit ORDERS billing --inactive-threshold 3000s --force",
    );
    await server.deleteConsumer("ORDERS", "billing");
    const after = await doctor(env, "--every", "5m");
    expect(after).toMatchObject({ code: 78, codes: ["consumer-not-found"] });
    expect(after.said.findings[0]?.mend).toMatch(
      /^nats consumer add ORDERS billing .*--inactive-threshold 0s/,
    );
  });

  it("a poison message", async () => {
    const { server, env } = await givenHealthy();
    await server.publish("orders.eu", 1);
    const drain = defineDrain({
      servers: server.wsUrl,
      auth: { user: "drain", password: "drain-pw" },
      stream: "ORDERS",
      consumer: "billing",
      maxWaitMs: 2_000,
      retryDelay: () => 1,
      handler: () => {
        throw new Error("poison");
      },
    });
    while ((await server.consumerState("ORDERS", "billing")).redelivered === 0)
      await drain.run({ limitMs: 5_000 });
    expect(await doctor(env)).toMatchObject({ code: 1, codes: ["redelivered"] });
  });

  it("a handler slower than its ack wait", async () => {
    const { env } = await givenHealthy(undefined, { ack_wait: 5_000_000_000 });
    const { code, codes, said } = await doctor({ ...env, HANDLER_TIMEOUT_MS: "10000" });
    expect({ code, codes }).toEqual({ code: 1, codes: ["ack-wait"] });
    expect(said.findings[0]?.mend).toContain("--wait 20s");
  });

  it("a max deliver that runs out before the backlog does", async () => {
    const { env } = await givenHealthy(undefined, { max_deliver: 1 });
    expect(await doctor(env)).toMatchObject({ code: 1, codes: ["max-deliver-few"] });
  });

  it("a target that is down", async () => {
    const { env } = await givenHealthy();
    const { port } = await labRefusedPort();
    const refused = await doctor({ ...env, TARGET_URL: `http://127.0.0.1:${port}/?key=s3cret` });
    expect(refused).toMatchObject({ code: 1, codes: ["target-unreachable"] });
    expect(JSON.stringify(refused.said)).not.toContain("s3cret");
    const peer = await labStatusPeer(503);
    const failing = await doctor({ ...env, TARGET_URL: `http://127.0.0.1:${peer.port}/` });
    expect(failing).toMatchObject({ code: 1, codes: ["target-failing"] });
  });

  it("a dead-letter subject that no stream takes in", async () => {
    const { env } = await givenHealthy();
    const { code, codes } = await doctor({ ...env, DEAD_LETTER_SUBJECT: "dlq.orders" });
    expect({ code, codes }).toEqual({ code: 1, codes: ["dead-letter-uncaptured"] });
  });

  it("a missing setting, and where to set it", async () => {
    const { code, codes, said } = await doctor({ NATS_URL: "ws://127.0.0.1:1" });
    expect({ code, codes }).toEqual({ code: 78, codes: ["invalid-options"] });
    expect(said.findings[0]?.message).toContain("NATS_STREAM");
  });
});
