// Each command that doctor gives, run by the real `nats` on a real server: it takes the command, and the finding is gone.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  jetstream,
  ReplayPolicy,
  RetentionPolicy,
  type StreamConfig,
} from "@nats-io/jetstream";
import { expect, it, onTestFinished } from "vitest";
import { fetchDebianNatsBinary } from "../../src/demo/nats-binary.ts";
import { startTestServer, type TestServer } from "../support/nats.ts";
import { sluice } from "../support/sluice.ts";
import { BUILD_MS, findNatsCli, findTooOldNatsServer } from "../support/tools.ts";

const SECOND_NS = 1_000_000_000;

const run = promisify(execFile);

const nats = await findNatsCli();

interface Row {
  readonly code: string;
  readonly config?: Partial<ConsumerConfig>;
  readonly stream?: Partial<StreamConfig>;
  readonly vars?: Record<string, string>;
  readonly args?: readonly string[];
  /** Makes the trouble, where the configuration alone does not. */
  readonly prepare?: (server: TestServer) => Promise<unknown>;
  /** The same, before there is a consumer. */
  readonly first?: (server: TestServer) => Promise<unknown>;
  /** What the finding says to set, beside the mend. */
  readonly sets?: Record<string, string>;
  /** The mend copies the consumer, because the server does not let it be changed. */
  readonly copies?: true;
}

async function fetchAndLeave(server: TestServer): Promise<void> {
  await server.publish("orders.eu", 1);
  const consumer = await jetstream(await server.admin()).consumers.get("ORDERS", "billing");
  for await (const _ of await consumer.fetch({ max_messages: 1, expires: 1_000 }));
}

async function pause(server: TestServer): Promise<void> {
  const until = JSON.stringify({ pause_until: "2099-01-01T00:00:00Z" });
  await (await server.admin()).request("$JS.API.CONSUMER.PAUSE.ORDERS.billing", until);
}

const deleteConsumer = async (server: TestServer): Promise<unknown> =>
  await (await server.admin()).request("$JS.API.CONSUMER.DELETE.ORDERS.billing");

/** A stream of dead letters that loses them. */
const keeping =
  (config: Partial<StreamConfig>) =>
  (server: TestServer): Promise<unknown> =>
    server.createStream("DLQ", { subjects: ["dlq.>"], ...config });

const LETTERS = { DEAD_LETTER_SUBJECT: "dlq.orders" };
const BAD: readonly Row[] = [
  { code: "ack-policy", config: { ack_policy: AckPolicy.None }, copies: true },
  { code: "push-consumer", config: { deliver_subject: "pushed" }, copies: true },
  { code: "replay-original", config: { replay_policy: ReplayPolicy.Original }, copies: true },
  { code: "max-waiting", config: { max_waiting: 2 }, vars: { DRAINS: "3" }, copies: true },
  { code: "inactive-threshold", config: { inactive_threshold: 5 * SECOND_NS }, args: ["--every", "1m"] },
  { code: "ack-wait", config: { ack_wait: SECOND_NS }, vars: { HANDLER_TIMEOUT_MS: "5000" } },
  { code: "backoff-replaces-ack-wait", config: { backoff: [SECOND_NS], max_deliver: 10 } },
  { code: "max-deliver-few", config: { max_deliver: 1 } },
  { code: "max-deliver-unlimited", config: { max_deliver: -1 } },
  {
    code: "max-deliver-below-dead-letter",
    config: { max_deliver: 4 },
    vars: { ...LETTERS, MAX_DELIVERIES: "5" },
    prepare: (server) => server.createStream("DLQ", { subjects: ["dlq.>"] }),
  },
  { code: "dead-letter-uncaptured", vars: LETTERS },
  {
    code: "dead-letter-loop",
    vars: { DEAD_LETTER_SUBJECT: "orders.dead" },
    sets: { DEAD_LETTER_SUBJECT: "dlq.ORDERS.billing" },
  },
  {
    code: "dead-letter-in-work-queue",
    stream: { retention: RetentionPolicy.Workqueue },
    config: { filter_subject: "orders.new" },
    vars: { DEAD_LETTER_SUBJECT: "orders.dead" },
    sets: { DEAD_LETTER_SUBJECT: "dlq.ORDERS.billing" },
  },
  { code: "dead-letter-not-kept", vars: LETTERS, prepare: keeping({ retention: RetentionPolicy.Interest }) },
  { code: "dead-letter-unconfirmed", vars: LETTERS, prepare: keeping({ no_ack: true }) },
  { code: "dead-letter-limits", vars: LETTERS, prepare: keeping({ max_msgs: 1 }) },
  { code: "dead-letter-limits", vars: LETTERS, prepare: keeping({ max_msgs_per_subject: 1 }) },
  { code: "dead-letter-expires", vars: LETTERS, prepare: keeping({ max_age: 60 * SECOND_NS }) },
  { code: "max-ack-pending", config: { max_ack_pending: 10 } },
  { code: "max-batch", config: { max_batch: 10 } },
  { code: "max-expires", config: { max_expires: SECOND_NS } },
  { code: "max-bytes", config: { max_bytes: 1_000 } },
  { code: "sampling", config: { sample_freq: "100" } },
  { code: "headers-only", config: { headers_only: true } },
  { code: "ack-pending-full", config: { max_ack_pending: 1 }, vars: { BATCH: "1" }, prepare: fetchAndLeave },
  { code: "consumer-paused", prepare: pause },
  {
    code: "deliver-policy",
    config: { deliver_policy: DeliverPolicy.New },
    first: (server) => server.publish("orders.eu", 2),
    copies: true,
  },
  {
    code: "stream-full",
    stream: { max_msgs: 2, discard: DiscardPolicy.New },
    prepare: (server) => server.publish("orders.eu", 2),
  },
  { code: "stream-max-age", stream: { max_age: 60 * SECOND_NS }, args: ["--every", "2m"] },
  { code: "history-bucket-missing", vars: { HISTORY_BUCKET: "drains" } },
  { code: "consumer-not-found", prepare: deleteConsumer },
];

it.skipIf(nats === undefined).each(BAD)(
  "the mend of $code is a command that nats takes, and mends it",
  async ({ code, config, stream, vars, args = [], first, prepare, sets, copies }) => {
    const server = await startTestServer();
    onTestFinished(() => server.stop());
    await server.createStream("ORDERS", { subjects: ["orders.>"], ...stream });
    await first?.(server);
    const good = { ack_wait: 60 * SECOND_NS, max_deliver: 10 };
    const push = config?.deliver_subject === undefined ? good : {};
    await server.createConsumer("ORDERS", "billing", { ...push, ...config });
    await prepare?.(server);
    const login = { NATS_USER: "admin", NATS_PASSWORD: "admin-pw" };
    const names = { NATS_STREAM: "ORDERS", NATS_CONSUMER: "billing" };
    const env = { NATS_URL: server.wsUrl, ...names, ...login, ...vars };
    const diagnose = async (own = {}): Promise<{ code: string; mend?: string }[]> => {
      const { stdout } = await sluice(["doctor", "--json", ...args], { ...env, ...own });
      return JSON.parse(stdout).findings;
    };
    const before = await diagnose();
    const [found] = before.filter((finding) => finding.code === code);
    expect(before.map((finding) => finding.code)).toContain(code);
    const home = await mkdtemp(join(tmpdir(), "sluice-mends-"));
    onTestFinished(() => rm(home, { recursive: true, force: true }));
    const path = `${dirname(nats ?? "")}:${process.env.PATH ?? ""}`;
    await run("sh", ["-c", found?.mend ?? "false"], {
      env: { PATH: path, HOME: home, NATS_URL: server.natsUrl, ...login },
      timeout: 20_000,
    });
    const after = await diagnose({ ...sets, ...(copies ? { NATS_CONSUMER: "billing-2" } : {}) });
    expect(after.map((finding) => finding.code)).not.toContain(code);
    if (push === good) expect(after).toEqual([]);
  },
  60_000,
);

/** Servers of earlier days, each with all that doctor finds of it. */
const OLD_SERVERS = [
  { codes: ["server-flaw"], find: fetchDebianNatsBinary },
  { codes: ["server-too-old", "server-flaw"], find: findTooOldNatsServer },
];

it.for(OLD_SERVERS)(
  "the command of $codes tells the version of the server that answers",
  // Go may have to build the server first.
  { timeout: BUILD_MS },
  async ({ codes, find }, context) => {
    if (nats === undefined) return context.skip("Go builds no nats here");
    const old = await find().catch((error: unknown) => context.skip(String(error)));
    if (old === undefined) return context.skip("Go builds no server that is too old here");
    const server = await startTestServer({ binary: old });
    onTestFinished(() => server.stop());
    await server.createStream("ORDERS", { subjects: ["orders.>"] });
    await server.createConsumer("ORDERS", "billing", { ack_wait: 60 * SECOND_NS, max_deliver: 10 });
    // A drain's user, who may ask for nothing else.
    const login = { NATS_USER: "drain", NATS_PASSWORD: "drain-pw" };
    const env = { NATS_URL: server.wsUrl, NATS_STREAM: "ORDERS", NATS_CONSUMER: "billing", ...login };
    const { stdout } = await sluice(["doctor", "--json"], env);
    const findings: { code: string; message: string; mend: string }[] = JSON.parse(stdout).findings;
    expect(findings.map(({ code }) => code)).toEqual(codes);
    const path = `${dirname(nats ?? "")}:${process.env.PATH ?? ""}`;
    for (const { message, mend } of findings) {
      expect(message).toContain(old.version);
      const told = await run("sh", ["-c", mend], {
        env: { PATH: path, HOME: tmpdir(), NATS_URL: server.wsUrl, ...login },
        timeout: 20_000,
      });
      expect(told.stdout).toMatch(new RegExp(`Connected Server Version: ${old.version}`));
    }
  },
);
