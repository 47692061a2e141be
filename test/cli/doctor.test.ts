// `sluice doctor` as a newcomer runs it, in each of the situations that it is for, with a real nats-server. Where it matters
// that the process ends, it is one.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { defineDrain, type Message } from "../../src/index.ts";
import { writeHistory } from "../../src/observe/history.ts";
import { BUCKET, makeBucket } from "../support/bucket.ts";
import { connectAs } from "../support/delivery.ts";
import {
  type LabServer,
  labJwtServer,
  labRefusedPort,
  labServer,
  labStatusPeer,
} from "../support/lab-client.ts";
import { ADMIN_USER_CONFIG } from "../support/nats.ts";
import { reportOf } from "../support/report.ts";
import { type Run, sluice, sluiceProcess } from "../support/sluice.ts";

const MINUTE_NS = 60_000_000_000;

interface Diagnosis {
  readonly ok: boolean;
  readonly findings: readonly { readonly code: string; readonly message: string; readonly mend?: string }[];
  readonly budget?: { readonly limitMs: number };
  readonly report: { readonly outcome: string; readonly reason: string };
}

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd?: string,
): Promise<Run> {
  return await sluice(["doctor", ...args], env, cwd);
}

/** With `--json`: the exit code, the codes of the findings, and all of it. */
async function doctor(env: Readonly<Record<string, string>>, ...args: string[]) {
  return diagnosisOf(await run(["--json", ...args], env));
}

function diagnosisOf({ code, stdout, stderr }: Run) {
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
  const given = { ...env, TARGET_URL: url, DEAD_LETTER_SUBJECT: "dlq.orders" };
  const { code, said } = diagnosisOf(await sluiceProcess(["doctor", "--json"], given));
  expect(said.findings).toEqual([]);
  expect({ code, ...said }).toMatchObject({ code: 0, ok: true, budget: { limitMs: 55_000 } });
  const { delivered, ackPending, pending } = await server.consumerState("ORDERS", "billing");
  expect({ delivered, ackPending, pending }).toEqual({ delivered: 0, ackPending: 0, pending: 3 });
  expect((await server.streamState("DLQ")).messages).toBe(0);
});

it("sluice doctor draws the budget, and each finding with its mend", async () => {
  const { env } = await givenHealthy(undefined, { max_deliver: 2 });
  const { code, stdout } = await sluiceProcess(["doctor", "--limit", "10s"], env);
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
  // Where nothing else names a server, that of the working folder.
  expect(await run([], {}, folder)).toMatchObject({ code: 0, stderr: "" });
});

it("sluice doctor reads an environment of a wrangler.jsonc, with its own vars and secrets", async () => {
  const { env } = await givenHealthy(undefined, { inactive_threshold: MINUTE_NS });
  const folder = await mkdtemp(join(tmpdir(), "sluice-doctor-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const staging = { NATS_URL: env.NATS_URL, NATS_STREAM: "ORDERS", NATS_CONSUMER: " billing ", BATCH: "" };
  const config = `{
    // The top has another stream: "//" and "/*" in quotes are no comments.
    "vars": { "NATS_URL": "wss://nats.example.com/*", "NATS_STREAM": "OTHER" },
    "triggers": { "crons": ["*/5 * * * *"] }, /* of all
    environments */
    "env": { "staging": { "vars": ${JSON.stringify(staging)}, }, },
  }`;
  await writeFile(join(folder, "wrangler.jsonc"), config);
  await writeFile(join(folder, ".dev.vars"), "NATS_USER=drain\nNATS_PASSWORD=wrong\n");
  await writeFile(join(folder, ".dev.vars.staging"), "NATS_USER=drain\nNATS_PASSWORD=drain-pw\n");
  // The cron is that of the top: five minutes.
  expect(await doctor({}, "--worker", folder, "--env", "staging")).toMatchObject({
    code: 1,
    codes: ["inactive-threshold"],
    said: { budget: { limitMs: 55_000 } },
  });
  expect(await run(["--env", "prod"], {}, folder)).toMatchObject({
    code: 78,
    stdout: expect.stringContaining("wrangler.jsonc has no environment 'prod', but staging"),
  });
});

it.each([
  ["wrangler.jsonc", "{ vars: 1 }", "is not JSON"],
  ["wrangler.toml", "vars = {", "is not TOML"],
])("sluice doctor says of a %s with %j that it %s", async (name, text, problem) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-doctor-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), text);
  const { code, stdout } = await run(["--worker", folder], {});
  expect({ code, stdout }).toEqual({
    code: 78,
    stdout: `✗ invalid-options: --worker: ${join(folder, name)} ${problem}; see sluice doctor --help\n`,
  });
});

describe("sluice doctor judges the ack wait by what a handler may take", () => {
  it("of 55 s a third of its slice where a Worker posts to a target", async () => {
    const { env } = await givenHealthy(undefined, { ack_wait: MINUTE_NS / 4 });
    const target = await labStatusPeer(405);
    const worker = { ...env, TARGET_URL: `http://127.0.0.1:${target.port}/` };
    expect(await doctor(worker)).toMatchObject({ code: 0, codes: [] });
    expect(await doctor({ ...worker, LIMIT_MS: "120000" })).toMatchObject({ codes: ["ack-wait"] });
  });

  it("of 30 s its whole slice where the drain is one's own, unless HANDLER_TIMEOUT_MS says less", async () => {
    const { env } = await givenHealthy(undefined, { ack_wait: MINUTE_NS / 4 });
    const own = await doctor(env);
    expect(own).toMatchObject({ code: 1, codes: ["ack-wait"] });
    expect(own.said.findings[0]?.message).toContain("The ack wait is 15s, and a handler may take 17750ms");
    expect(await doctor({ ...env, HANDLER_TIMEOUT_MS: "10000" })).toMatchObject({ codes: [] });
  });
});

it("sluice doctor says of each var that the Worker refuses what is wrong, without a value", async () => {
  const named = { NATS_URL: "ws://127.0.0.1:1", NATS_STREAM: "ORDERS", NATS_CONSUMER: "billing" };
  const wrong = { BATCH: "0", FORWARD_HEADERS: "X-Tenant; Host", DRAIN_TOKEN: "s3cret\ns3cret-s3cret" };
  const { code, codes, said } = await doctor({ ...named, ...wrong });
  expect({ code, codes }).toEqual({ code: 78, codes: Array(3).fill("invalid-options") });
  const messages = said.findings.map(({ message }) => message);
  expect(messages).toEqual([
    expect.stringMatching(/^BATCH must be/),
    expect.stringMatching(/^FORWARD_HEADERS must be/),
    expect.stringMatching(/^DRAIN_TOKEN may have/),
  ]);
  expect(messages.join()).not.toContain("s3cret");
});

it("sluice doctor reads --env-file, which the environment comes before, and options before both", async () => {
  const { env } = await givenHealthy();
  const folder = await mkdtemp(join(tmpdir(), "sluice-doctor-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "drain.env");
  const lines = Object.entries({ ...env, NATS_STREAM: "WRONG", NATS_CONSUMER: "wrong" });
  await writeFile(file, lines.map(([name, value]) => `${name}=${value}\n`).join(""));
  const given = [{ NATS_STREAM: "ORDERS" }, "--env-file", file, "--consumer", "billing"] as const;
  expect(await doctor(...given)).toMatchObject({ code: 0, codes: [] });
});

const ADMIN = { NATS_USER: "admin", NATS_PASSWORD: "admin-pw" };

/** Drains ORDERS as `drain` does, its messages handled by `handler`. */
async function drainOnce(server: LabServer, handler: (message: Message<unknown>) => void, own = {}) {
  const drain = defineDrain({
    servers: server.wsUrl,
    auth: { user: "admin", password: "admin-pw" },
    stream: "ORDERS",
    consumer: "billing",
    maxWaitMs: 2_000,
    retryDelay: () => 1,
    handler,
    ...own,
  });
  return await drain.run({ limitMs: 5_000 });
}

describe("sluice doctor names", () => {
  it("a wrong stream name", async () => {
    const { env } = await givenHealthy();
    const { code, codes, said } = await doctor({ ...env, NATS_STREAM: "ODERS" });
    expect({ code, codes }).toEqual({ code: 78, codes: ["stream-not-found"] });
    expect(said.findings[0]?.message).toContain("ODERS");
    const asAdmin = await doctor({ ...env, ...ADMIN, NATS_STREAM: "ODERS" });
    expect(asAdmin.said.findings[0]?.message).toContain('Did you mean "ORDERS"?');
  });

  it("a wrong consumer name, as another thing than a consumer that is gone", async () => {
    const { env } = await givenHealthy();
    const { code, said } = await doctor({ ...env, ...ADMIN, NATS_CONSUMER: "biling" });
    expect({ code, said }).toMatchObject({ code: 78, said: { report: { reason: "consumer-not-found" } } });
    expect(said.findings[0]?.message).toContain('Did you mean "billing"?');
    expect(said.findings[0]?.message).not.toContain("InactiveThreshold");
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
    expect(said.findings[0]?.mend).toBe("npx sluice permissions --stream ORDERS --consumer billing");
  });

  it("a denied inbox, once", async () => {
    const server = await labServer({
      authorization: `accounts { APP { jetstream: enabled, users: [ ${ADMIN_USER_CONFIG},
        { user: drain, password: "drain-pw", permissions: { subscribe: { allow: ["_INBOX_own.>"] } } } ] } }`,
    });
    const { env } = await givenHealthy(server);
    const { code, said } = await doctor(env);
    expect(code).toBe(78);
    expect(said.findings.map(({ message }) => message)).toEqual([
      expect.stringContaining('Allow the user to subscribe to "_INBOX.>".'),
    ]);
    expect(await doctor({ ...env, NATS_INBOX_PREFIX: "_INBOX_own" })).toMatchObject({ code: 0, codes: [] });
  });

  it("a denied consumer info, which a drain goes on without", async () => {
    const server = await labServer({
      authorization: `accounts { APP { jetstream: enabled, users: [ ${ADMIN_USER_CONFIG},
        { user: drain, password: "drain-pw", permissions: {
          publish: { allow: ["$JS.API.CONSUMER.MSG.NEXT.>", "$JS.ACK.>"] },
          subscribe: { allow: ["_INBOX.>"] } } } ] } }`,
    });
    const { env } = await givenHealthy(server);
    const { code, codes, said } = await doctor(env);
    expect({ code, codes, outcome: said.report.outcome }).toEqual({
      code: 1,
      codes: ["permission-denied"],
      outcome: "completed",
    });
    expect(said.findings[0]?.message).toContain("$JS.API.CONSUMER.INFO.ORDERS.billing");
  });

  it("a frozen server", async () => {
    const { server, env } = await givenHealthy();
    await server.signal("SIGSTOP");
    const args = ["doctor", "--json", "--limit", "4s"];
    const { code, codes, said } = diagnosisOf(await sluiceProcess(args, env));
    expect({ code, codes }).toEqual({ code: 75, codes: ["connect-timeout"] });
    expect(said.findings[0]?.message).toContain("the server is frozen");
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

  it("a consumer that its InactiveThreshold deleted between two runs, by the history", async () => {
    const { server, env } = await givenHealthy(undefined, { inactive_threshold: 1_000_000_000 });
    const { nats } = await connectAs("admin", server.wsUrl);
    onTestFinished(() => nats.close());
    await makeBucket(nats);
    const { startedAt } = await drainOnce(server, () => {}, { history: { bucket: BUCKET } });
    await vi.waitFor(
      () => expect(server.consumerState("ORDERS", "billing")).rejects.toThrow("consumer not found"),
      { timeout: 20_000, interval: 100 },
    );
    const { code, said } = await doctor({ ...env, ...ADMIN, HISTORY_BUCKET: BUCKET });
    expect({ code, said }).toMatchObject({ code: 78, said: { report: { reason: "consumer-not-found" } } });
    expect(said.findings[0]?.message).toContain(`was there when the drain of ${startedAt} ran, and is gone`);
    expect(said.findings[0]?.message).toContain("InactiveThreshold");
  });

  it("an InactiveThreshold below the time between the runs of the history, or of the Worker's cron", async () => {
    const { server, env } = await givenHealthy(undefined, { inactive_threshold: 10 * MINUTE_NS });
    const { nats } = await connectAs("admin", server.wsUrl);
    onTestFinished(() => nats.close());
    await makeBucket(nats);
    const drainsAt = ["2026-11-25T06:00:00.000Z", "2026-11-25T07:00:00.000Z"];
    for (const startedAt of drainsAt) {
      const report = reportOf(undefined, { stream: "ORDERS", consumer: "billing", startedAt });
      await writeHistory(nats, report, { bucket: BUCKET }, 10_000);
    }
    const byHistory = await doctor({ ...env, ...ADMIN, HISTORY_BUCKET: BUCKET });
    expect(byHistory).toMatchObject({ code: 1, codes: ["inactive-threshold"] });
    const folder = await mkdtemp(join(tmpdir(), "sluice-doctor-test-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "wrangler.toml"), '[triggers]\ncrons = ["*/15 * * * *"]\n');
    expect(await doctor(env, "--worker", folder)).toMatchObject({ code: 1, codes: ["inactive-threshold"] });
    expect(await doctor(env)).toMatchObject({ code: 0, codes: [] });
  });

  it("a poison message that is alone, as one that may be", async () => {
    const { server, env } = await givenHealthy();
    await server.publish("orders.eu", 1);
    const fail = () => {
      throw new Error("poison");
    };
    while ((await server.consumerState("ORDERS", "billing")).redelivered === 0) await drainOnce(server, fail);
    expect(await doctor(env)).toMatchObject({ code: 1, codes: ["redelivered"] });
  });

  it("a poison message among others, and which it is", async () => {
    const { server, env } = await givenHealthy();
    await server.publish("orders.eu", 5);
    const failThird = ({ sequence }: Message<unknown>) => {
      if (sequence === 3) throw new Error("poison");
    };
    while ((await server.consumerState("ORDERS", "billing")).redelivered === 0)
      await drainOnce(server, failThird);
    const { code, codes, said } = await doctor(env);
    expect({ code, codes }).toEqual({ code: 1, codes: ["poison-message"] });
    expect(said.findings[0]?.message).toContain("ORDERS:3");
    expect(said.findings[0]?.mend).toBe("nats stream get ORDERS 3");
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

  it("a max deliver that has run out, and how many messages it cost", async () => {
    const { server, env } = await givenHealthy(undefined, { max_deliver: 5 });
    await server.publish("orders.eu", 4);
    const fail = () => {
      throw new Error("down");
    };
    for (let exhausted = 0; exhausted < 4; ) exhausted += (await drainOnce(server, fail)).exhausted;
    // nats-server gives them up when it comes to deliver them once more.
    await vi.waitFor(
      async () => {
        await drainOnce(server, fail);
        expect(await server.consumerState("ORDERS", "billing")).toMatchObject({ ackPending: 0 });
      },
      { timeout: 20_000, interval: 50 },
    );
    const { code, codes, said } = await doctor(env);
    expect({ code, codes }).toEqual({ code: 1, codes: ["deliveries-exhausted"] });
    expect(said.findings[0]?.message).toMatch(/^4 messages used up max deliver \(5\)/);
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

  it.each([
    ["dead-letter-not-kept", { retention: "interest" }],
    ["dead-letter-unconfirmed", { no_ack: true }],
    ["dead-letter-limits", { max_msgs: 1 }],
    ["dead-letter-expires", { max_age: 2 * MINUTE_NS }],
  ])("a stream of dead letters that loses them: %s", { timeout: 60_000 }, async (wanted, config) => {
    const { env, server } = await givenHealthy();
    await server.createStream("DLQ", { subjects: ["dlq.>"], ...config } as object);
    const { code, codes, said } = await doctor({ ...env, ...ADMIN, DEAD_LETTER_SUBJECT: "dlq.orders" });
    expect({ code, codes }).toEqual({ code: 1, codes: [wanted] });
    expect(said.findings[0]?.mend).toMatch(/^nats stream edit DLQ /);
  });

  it("a history bucket that is not there", async () => {
    const { env } = await givenHealthy();
    const { code, codes, said } = await doctor({ ...env, ...ADMIN, HISTORY_BUCKET: "drains" });
    expect({ code, codes }).toEqual({ code: 1, codes: ["history-bucket-missing"] });
    expect(said.findings[0]?.mend).toBe("nats kv add drains --history 64");
  });

  it("dead letters that come back to the consumer, by the stream's subjects", async () => {
    const { env } = await givenHealthy();
    const subject = "orders.dead";
    const { codes } = await doctor({ ...env, ...ADMIN, DEAD_LETTER_SUBJECT: subject });
    expect(codes).toEqual(["dead-letter-loop"]);
  });

  it("each missing setting, and where to set it", async () => {
    const { code, codes, said } = await doctor({ NATS_URL: "ws://127.0.0.1:1" });
    expect({ code, codes }).toEqual({ code: 78, codes: ["invalid-options", "invalid-options"] });
    expect(said.findings[0]?.message).toContain("NATS_STREAM");
    expect(said.findings[1]?.message).toContain("NATS_CONSUMER");
  });
});

describe("sluice doctor tells of a server that it cannot sign in to", () => {
  const NAMES = { NATS_STREAM: "ORDERS", NATS_CONSUMER: "billing" };

  it("that no credentials are set", async () => {
    const { wsUrl } = await labServer();
    const { code, said } = await doctor({ ...NAMES, NATS_URL: wsUrl });
    expect({ code, reason: said.report.reason }).toEqual({ code: 78, reason: "unauthorized" });
    expect(said.findings[0]?.message).toContain("No credentials are set: NATS_TOKEN");
  });

  it("that its JWT has expired, and when", async () => {
    const { wsUrl, creds } = await labJwtServer();
    const { code, said } = await doctor({ ...NAMES, NATS_URL: wsUrl, NATS_CREDS: creds.expired });
    expect({ code, reason: said.report.reason }).toEqual({ code: 78, reason: "unauthorized" });
    expect(said.findings[0]?.message).toMatch(/Its JWT expired at 20\d\d-\d\d-\d\dT[\d:.]+Z/);
  });

  it("that its certificate has expired, and how to see that", async () => {
    const { wsUrl } = await labServer({ certificate: "expired" });
    const { code, said } = await doctor({ ...NAMES, NATS_URL: wsUrl });
    expect({ code, reason: said.report.reason }).toEqual({ code: 75, reason: "connect-failed" });
    expect(said.findings[0]?.message).toContain("Renew the server's certificate");
    expect(said.findings[0]?.mend).toMatch(/^openssl s_client -connect 127\.0\.0\.1:\d+ -servername 127/);
  });
});

describe("sluice doctor tells why nothing comes, or not everything", () => {
  const asAdmin = async (
    consumer: Parameters<LabServer["createConsumer"]>[2],
    stream: Parameters<LabServer["createStream"]>[1] = {},
  ) => {
    const server = await labServer();
    await server.createStream("ORDERS", { subjects: ["orders.>"], ...stream });
    await server.publish("orders.eu", 2);
    const limits = { ack_wait: MINUTE_NS, max_deliver: 10 };
    await server.createConsumer("ORDERS", "billing", { ...limits, ...consumer });
    return { ...ADMIN, NATS_URL: server.wsUrl, NATS_STREAM: "ORDERS", NATS_CONSUMER: "billing" };
  };

  it("a filter that matches nothing", async () => {
    const { code, codes, said } = await doctor(await asAdmin({ filter_subject: "orders.us" }));
    expect({ code, codes }).toEqual({ code: 1, codes: ["filter-matches-nothing"] });
    expect(said.findings[0]).toMatchObject({
      message: expect.stringContaining('its filter, "orders.us"'),
      mend: "nats stream subjects ORDERS",
    });
  });

  it("a deliver policy that begins behind what is there", async () => {
    const newOnes = { deliver_policy: "new" } as object; // the library's enum has the same text
    expect(await doctor(await asAdmin(newOnes))).toMatchObject({ code: 1, codes: ["deliver-policy"] });
  });

  it("a stream that is full, so that publishers are refused", async () => {
    const full = { max_msgs: 2, discard: "new" } as object; // as above
    expect(await doctor(await asAdmin({}, full))).toMatchObject({ code: 1, codes: ["stream-full"] });
  });

  it("a stream that deletes what comes between two drains", async () => {
    const env = await asAdmin({}, { max_age: MINUTE_NS });
    expect(await doctor(env, "--every", "30s")).toMatchObject({ code: 0, codes: [] });
    expect(await doctor(env, "--every", "5m")).toMatchObject({ code: 1, codes: ["stream-max-age"] });
  });

  it("priority groups, without which the server refuses the Worker's pull", async () => {
    const env = await asAdmin({ priority_groups: ["A"], priority_policy: "overflow" } as object); // as above
    expect(await doctor(env)).toMatchObject({ code: 1, codes: ["priority-group"] });
    const target = await labStatusPeer(405);
    const worker = await doctor({ ...env, TARGET_URL: `http://127.0.0.1:${target.port}/` });
    expect(worker).toMatchObject({ code: 78, said: { report: { reason: "bad-request" } } });
  });

  it("a domain that is not the server's, and that the consumer is there without one", async () => {
    const { code, codes, said } = await doctor({ ...(await asAdmin({})), NATS_DOMAIN: "hub" });
    expect({ code, codes }).toEqual({ code: 75, codes: ["jetstream-unavailable"] });
    expect(said.findings[0]?.message).toContain('Nothing answers for the domain "hub".');
    expect(said.findings[0]?.message).toContain("leave NATS_DOMAIN out");
  });

  it("an account that has used up what it may store, and an account that has no such stream", async () => {
    const server = await labServer({
      authorization: `accounts { APP { jetstream: { max_file: 1024 }, users: [ ${ADMIN_USER_CONFIG} ] }
        OTHER { jetstream: enabled, users: [ { user: other, password: other-pw } ] } }`,
    });
    const { env } = await givenHealthy(server);
    await server.publish("orders.eu", 1, 600);
    const used = await doctor({ ...env, ...ADMIN });
    expect(used).toMatchObject({ code: 1, codes: ["account-storage-full"] });
    const other = await doctor({ ...env, NATS_USER: "other", NATS_PASSWORD: "other-pw" });
    expect(other).toMatchObject({ code: 78, codes: ["stream-not-found"] });
    expect(other.said.findings[0]?.message).toContain("the account of these credentials, OTHER");
  });

  it.each([
    [302, "target-redirects"],
    [401, "target-refuses"],
    [403, "target-refuses"],
  ])("a target that answers %i", async (status, wanted) => {
    const { env } = await givenHealthy();
    const peer = await labStatusPeer(status);
    const url = `http://127.0.0.1:${peer.port}/events?key=s3cret`;
    const { code, codes, said } = await doctor({ ...env, TARGET_URL: url });
    expect({ code, codes }).toEqual({ code: 1, codes: [wanted] });
    expect(JSON.stringify(said)).not.toContain("s3cret");
  });
});
