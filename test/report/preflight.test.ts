// What preflight says of a consumer: a row for each rule, and silence where all is well or nothing is known.
import { expect, it } from "vitest";
import type { ConsumerFacts } from "../../src/report/facts.ts";
import { type ConsumerConfigFacts, type PreflightPlan, preflight } from "../../src/report/preflight.ts";
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
};
const PLAN: PreflightPlan = {
  batch: 100,
  maxBytes: 1_000_000,
  maxWaitMs: 5_000,
  handlerTimeoutMs: 30_000,
  betweenRunsMs: 60_000,
  deadLetter: { subject: "dlq.orders", maxDeliveries: 5 },
};
const IN_ORDERS = { subject: "orders.dead" };

it("says nothing of a consumer that fits, and nothing of what is not known", () => {
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
  ["dead-letter-loop", {}, { deadLetter: IN_ORDERS }, undefined],
  [
    "dead-letter-loop",
    { streamSubjects: undefined, filterSubjects: ["orders.>"] },
    { deadLetter: IN_ORDERS },
    undefined,
  ],
  [
    "dead-letter-in-work-queue",
    { retention: "workqueue", filterSubjects: ["orders.new"] },
    { deadLetter: IN_ORDERS },
    undefined,
  ],
  [
    "dead-letter-uncaptured",
    { deadLetterStream: null },
    {},
    "nats stream add DEAD_LETTERS --subjects dlq.orders",
  ],
  ["replay-original", { replayPolicy: "original" }, {}, "--replay instant"],
  ["sampling", { sampleFreq: "100" }, {}, "--sample 0 --force"],
  ["headers-only", { headersOnly: true }, {}, "--no-headers-only --force"],
  ["server-too-old", { serverVersion: "2.8.4" }, {}, undefined],
  ["server-flaw", { serverVersion: "2.11.0" }, {}, undefined],
  ["server-flaw", { serverVersion: "2.11.14" }, {}, undefined],
  ["server-flaw", { serverVersion: "2.12.5-RC.1" }, {}, undefined],
])("says %s of %j and %j", (code, facts, plan, mend) => {
  const found = preflight({ ...GOOD, ...facts }, { ...PLAN, ...plan });
  const codes = found.map((finding) => finding.code);
  expect(codes).toEqual(code === "server-too-old" ? [code, "server-flaw"] : [code]);
  if (mend === undefined) expect(found[0]).not.toHaveProperty("mend");
  else expect(found[0]?.mend).toContain(mend);
  expect(found[0]?.message).toMatch(/^[A-Zn].*\.$/);
});

it.each([
  ["2.10.26", ["CVE-2025-30215", "CVE-2026-27889", "CVE-2026-33219"]],
  ["2.10.29", ["CVE-2026-27889", "CVE-2026-33219"]],
  ["2.11.14", ["CVE-2026-33219"]],
  ["2.11.15", undefined],
  ["2.12.5", ["CVE-2026-33219"]],
  ["2.12.6", undefined],
  ["2.14.0", undefined],
])("names the flaws of nats-server %s: %j", (serverVersion, flaws) => {
  const [found] = preflight({ ...GOOD, serverVersion }, PLAN);
  expect(found?.message.match(/CVE-[\d-]+/g) ?? undefined).toEqual(flaws);
});

it("tells a report only what is surely true: what the consumer refuses of a pull request", () => {
  const { stream, consumer, ...rest } = GOOD;
  const facts = {
    ...rest,
    ackWaitMs: 1,
    maxBatch: 10,
    maxRequestBytes: undefined,
  } as unknown as ConsumerFacts; // what is read
  const found = preflightInReport(facts, { ...PLAN, stream, consumer }, PLAN);
  expect(found.map(({ code }) => code)).toEqual(["max-batch"]);
  expect(preflightInReport(undefined, { stream, consumer }, {})).toEqual([]);
});
