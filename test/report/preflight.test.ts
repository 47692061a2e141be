// What preflight says of a consumer: a row for each rule, and silence where all is well or nothing is known.
import { describe, expect, it } from "vitest";
import type { ConsumerFacts } from "../../src/report/facts.ts";
import {
  type ConsumerConfigFacts,
  type PreflightPlan,
  preflight,
  type StorageFacts,
} from "../../src/report/preflight.ts";
import { consumerFacts } from "../../src/report/preflight-info.ts";
import { preflightInReport } from "../../src/report/preflight-request.ts";

/** A consumer that nothing is wrong with. */
const GOOD: ConsumerConfigFacts = {
  stream: "ORDERS",
  consumer: "billing",
  ackPolicy: "explicit",
  inactiveThresholdMs: 0,
  ackWaitMs: 60_000,
  backoffMs: [],
  maxDeliver: 10,
  maxAckPending: 1_000,
  maxWaiting: 512,
  maxBatch: 0,
  maxExpiresMs: 0,
  maxBytes: 0,
  replayPolicy: "instant",
  sampleFreq: "",
  headersOnly: false,
  filterSubjects: [],
  serverVersion: "2.15.1",
  retention: "limits",
  streamSubjects: ["orders.>"],
  deadLetterStream: "DLQ",
  deadLetterStorage: { retention: "limits", consumers: 0, discard: "old", maxMessages: -1, maxAgeMs: 0 },
};
const PLAN: PreflightPlan = {
  batch: 100,
  maxBytes: 1_000_000,
  maxWaitMs: 5_000,
  handlerTimeoutMs: 30_000,
  betweenRunsMs: 60_000,
  deadLetter: { subject: "dlq.orders", maxDeliveries: 5 },
};
/** The stream of dead letters, kept otherwise. */
const kept = (own: StorageFacts): Partial<ConsumerConfigFacts> => ({
  deadLetterStorage: { ...GOOD.deadLetterStorage, ...own },
});
const IN_ORDERS = { subject: "orders.dead" };

it("preflight() says nothing of a consumer that fits, and nothing of what is not known", () => {
  expect(preflight(GOOD, PLAN)).toEqual([]);
  expect(preflight({ stream: "ORDERS", consumer: "billing" }, {})).toEqual([]);
  expect(preflight({ stream: "ORDERS", consumer: "billing" }, PLAN)).toEqual([]);
});

it.each<[code: string, facts: Partial<ConsumerConfigFacts>, plan: PreflightPlan, mend: string | undefined]>([
  ["ack-policy", { ackPolicy: "none" }, {}, "nats consumer copy ORDERS billing billing-2 --ack explicit"],
  [
    "push-consumer",
    { deliverSubject: "x" },
    {},
    "nats consumer copy ORDERS billing billing-2 --pull --ack explicit",
  ],
  ["inactive-threshold", { inactiveThresholdMs: 5_000 }, {}, "--inactive-threshold 600s --force"],
  [
    "inactive-threshold",
    { inactiveThresholdMs: 5_000 },
    { betweenRunsMs: undefined, limitMs: 25_000 },
    "--inactive-threshold 250s --force",
  ],
  ["ack-wait", { ackWaitMs: 10_000 }, {}, "--wait 60s --force"],
  ["backoff-replaces-ack-wait", { backoffMs: [1_000] }, {}, "--backoff none --wait 60s --force"],
  [
    "max-deliver-few",
    { maxDeliver: 2 },
    { deadLetter: { subject: "dlq.orders" } },
    "--max-deliver 10 --force",
  ],
  ["max-deliver-few", { maxDeliver: 4 }, { deadLetter: undefined }, "--max-deliver 10 --force"],
  ["max-deliver-below-dead-letter", { maxDeliver: 4 }, {}, "--max-deliver 10 --force"],
  ["max-deliver-unlimited", { maxDeliver: -1 }, { deadLetter: undefined }, "--max-deliver 10 --force"],
  ["max-ack-pending", { maxAckPending: 150 }, { drains: 2 }, "--max-pending 200 --force"],
  ["max-waiting", { maxWaiting: 1 }, { drains: 2 }, "--max-waiting 512"],
  ["max-batch", { maxBatch: 10 }, {}, "--max-pull-batch 100 --force"],
  ["max-expires", { maxExpiresMs: 1_000 }, {}, "--max-pull-expire 5s --force"],
  ["max-bytes", { maxBytes: 1_000 }, {}, "--max-pull-bytes 1000000 --force"],
  ["dead-letter-loop", {}, { deadLetter: IN_ORDERS }, "nats stream add ORDERS_DEAD_LETTERS"],
  [
    "dead-letter-loop",
    { streamSubjects: undefined, filterSubjects: ["orders.>"] },
    { deadLetter: IN_ORDERS },
    "--subjects dlq.ORDERS.billing --defaults",
  ],
  [
    "dead-letter-in-work-queue",
    { retention: "workqueue", filterSubjects: ["orders.new"] },
    { deadLetter: IN_ORDERS },
    "--subjects dlq.ORDERS.billing --defaults",
  ],
  [
    "dead-letter-uncaptured",
    { deadLetterStream: null },
    {},
    "nats stream add DEAD_LETTERS --subjects dlq.orders",
  ],
  ["dead-letter-not-kept", kept({ retention: "interest", consumers: 0 }), {}, "edit DLQ --retention limits"],
  ["dead-letter-unconfirmed", kept({ noAck: true }), {}, "nats stream edit DLQ --ack --force"],
  ["dead-letter-sealed", kept({ sealed: true }), {}, "nats stream add ORDERS_DEAD_LETTERS"],
  ["dead-letter-limits", kept({ maxMessages: 99 }), {}, "edit DLQ --discard new --force"],
  ["dead-letter-limits", kept({ maxBytes: 999_999 }), {}, "edit DLQ --discard new --force"],
  ["dead-letter-limits", kept({ maxMessagesPerSubject: 1 }), {}, "edit DLQ --max-msgs-per-subject=-1"],
  ["dead-letter-expires", kept({ maxAgeMs: 5_000 }), {}, "edit DLQ --max-age 7d --force"],
  ["replay-original", { replayPolicy: "original" }, {}, "--replay instant"],
  ["sampling", { sampleFreq: "100" }, {}, "--sample 0 --force"],
  ["headers-only", { headersOnly: true }, {}, "--no-headers-only --force"],
  ["server-too-old", { serverVersion: "2.8.4" }, {}, "nats account info"],
  ["server-flaw", { serverVersion: "2.11.0" }, {}, "nats account info"],
  ["server-flaw", { serverVersion: "2.11.14" }, {}, "nats account info"],
  ["server-flaw", { serverVersion: "2.12.5-RC.1" }, {}, "nats account info"],
])("preflight() says %s of %j and %j", (code, facts, plan, mend) => {
  const found = preflight({ ...GOOD, ...facts }, { ...PLAN, ...plan });
  const codes = found.map((finding) => finding.code);
  expect(codes).toEqual(code === "server-too-old" ? [code, "server-flaw"] : [code]);
  if (mend === undefined) expect(found[0]).not.toHaveProperty("mend");
  else expect(found[0]?.mend).toContain(mend);
  expect(found[0]?.message).toMatch(/^[A-Zn].*\.$/);
});

it.each([
  { retention: "interest", consumers: 1 },
  { retention: "workqueue", consumers: 0 },
  { discard: "new", maxMessages: 1, maxMessagesPerSubject: 1, maxBytes: 1 },
  { maxMessages: 100, maxBytes: 1_000_000, maxAgeMs: 24 * 3_600_000 },
])("preflight() says nothing of a stream of dead letters that keeps them: %j", (own) => {
  expect(preflight({ ...GOOD, ...kept(own) }, PLAN)).toEqual([]);
});

it.each([
  ["2.9.25", true],
  ["2.10.14", true],
  ["2.10.15", false],
  ["2.11.0", false],
])("tells of deliveries that nobody gets on nats-server %s: %j", (serverVersion, tells) => {
  const [found] = preflight({ ...GOOD, serverVersion }, PLAN);
  expect(found?.message.includes("#5338")).toBe(tells);
});

it.each([
  ["2.10.26", ["CVE-2025-30215", "CVE-2026-27889", "CVE-2026-33219"], "2.11.15"],
  ["2.10.29", ["CVE-2026-27889", "CVE-2026-33219"], "2.11.15"],
  ["2.11.14", ["CVE-2026-33219"], "2.11.15"],
  ["2.11.15", undefined, undefined],
  ["2.12.5", ["CVE-2026-33219"], "2.12.6"],
  ["2.12.6", undefined, undefined],
  ["2.14.0", undefined, undefined],
])("names the flaws of nats-server %s: %j, and the release without: %s", (serverVersion, flaws, release) => {
  const [found] = preflight({ ...GOOD, serverVersion }, PLAN);
  expect(found?.message.match(/CVE-[\d-]+/g) ?? undefined).toEqual(flaws);
  expect(found?.message.match(/Upgrade it to ([\d.]+) or later/)?.[1]).toBe(release);
});

describe("a report", () => {
  const { stream, consumer, maxBytes: maxRequestBytes, ...rest } = GOOD;
  /** The codes that a drain with these options says of a consumer. */
  const said = (own: object, options: PreflightPlan = PLAN): string[] => {
    const facts = { ...rest, maxRequestBytes, ...own } as unknown as ConsumerFacts; // what is read
    return preflightInReport(facts, { ...options, stream, consumer }, { ...PLAN, limitMs: 25_000 }).map(
      ({ code }) => code,
    );
  };

  it.each([
    [{}, []],
    [{ maxBatch: 10 }, ["max-batch"]],
    [{ maxExpiresMs: 10 }, ["max-expires"]],
    [{ maxRequestBytes: 10 }, ["max-bytes"]],
    [{ ackWaitMs: 1 }, ["ack-wait"]],
    [{ backoffMs: [1] }, ["backoff-replaces-ack-wait"]],
    [{ inactiveThresholdMs: 5_000 }, ["inactive-threshold"]],
    [{ maxDeliver: 4 }, ["max-deliver-below-dead-letter"]],
    [{ maxAckPending: 99 }, ["max-ack-pending"]],
  ])("says of %j: %j", (own, codes) => {
    expect(said(own)).toEqual(codes);
  });

  it("says nothing of nats-server's own defaults, of what is not known, and of what may be as it should", () => {
    const { deadLetter: _, handlerTimeoutMs: __, ...plan } = PLAN;
    const defaults = { ackWaitMs: 30_000, maxDeliver: undefined, maxAckPending: 1_000, maxWaiting: 512 };
    expect(said(defaults, plan)).toEqual([]);
    expect(said({ ackWaitMs: 1 }, plan)).toEqual([]);
    expect(said({ inactiveThresholdMs: 60_000 }, plan)).toEqual([]);
    expect(preflightInReport(undefined, { stream, consumer }, {})).toEqual([]);
  });
});

it("consumerFacts() reads what nats-server says of a consumer, and preflight() judges that", () => {
  const config = {
    ack_policy: "all",
    ack_wait: 5_000_000_000,
    max_deliver: -1,
    filter_subject: "orders.new",
    backoff: [1_000_000_000],
  };
  const facts = consumerFacts({ stream_name: "ORDERS", name: "billing", config });
  expect(facts).toMatchObject({
    stream: "ORDERS",
    consumer: "billing",
    ackWaitMs: 5_000,
    backoffMs: [1_000],
    maxDeliver: -1,
    filterSubjects: ["orders.new"],
  });
  expect(preflight(facts, {}).map(({ code }) => code)).toEqual([
    "ack-policy",
    "max-deliver-unlimited",
    "backoff-replaces-ack-wait",
  ]);
  const least = { stream_name: "ORDERS", name: "billing", config: {} };
  expect(preflight(consumerFacts(least), PLAN)).toEqual([]);
});
