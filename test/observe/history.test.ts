// History in a real KV bucket.
import { expect, onTestFinished, test } from "vitest";
import { readConsumerState } from "../../src/observe/consumer-state.ts";
import { historyEntry, writeHistory } from "../../src/observe/history.ts";
import { readHistory, readWholeHistory } from "../../src/observe/history-read.ts";
import { BUCKET, makeBucket } from "../support/bucket.ts";
import { adminOfNewServer, connectAs } from "../support/delivery.ts";
import { labServer } from "../support/lab-client.ts";
import { ADMIN_USER_CONFIG } from "../support/nats.ts";
import { reportOf } from "../support/report.ts";

const KEY = { bucket: BUCKET, stream: "EVENTS", consumer: "sluice" };
const MS = 10_000;
/** Whoever waits for it fails its test. */
const HANG_MS = 600_000;

async function withBucket() {
  const nats = await adminOfNewServer();
  await makeBucket(nats);
  return nats;
}

test("the history: the last 64 reports are read back, oldest first, and another consumer's are not", async () => {
  const nats = await withBucket();
  for (let count = 0; count < 70; count++) {
    const report = reportOf(undefined, { heartbeats: count });
    expect(await writeHistory(nats, report, KEY, MS)).toBe(true);
    await writeHistory(nats, reportOf(undefined, { consumer: "other" }), KEY, MS);
  }
  const reports = await readHistory(nats, KEY, MS);
  expect(reports.map(({ heartbeats }) => heartbeats)).toEqual(Array.from({ length: 64 }, (_, at) => at + 6));
  expect(reports.at(-1)).toEqual(reportOf(undefined, { heartbeats: 69 }));
});

test("the history: the totals are of every drain, also of those that the bucket has forgotten", async () => {
  const nats = await withBucket();
  for (let count = 0; count < 70; count++) await writeHistory(nats, reportOf(), KEY, MS);
  const { totals } = await readWholeHistory(nats, KEY, MS);
  expect(totals).toMatchObject({ drains: { empty: 70 }, messages: { acked: 280, retried: 70 } });
  expect(totals?.durations).toEqual([0, 0, 70, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test("the history: drains that end at once are all in the totals", async () => {
  const nats = await withBucket();
  const reasons = ["empty", "deadline", "batch-full", "max-wait"] as const;
  const drains = [...reasons, ...reasons, ...reasons, ...reasons];
  await Promise.all(drains.map((reason) => writeHistory(nats, reportOf(reason), KEY, MS)));
  const { reports, totals } = await readWholeHistory(nats, KEY, MS);
  expect(reports).toHaveLength(16);
  expect(totals?.drains).toEqual({ empty: 4, deadline: 4, "batch-full": 4, "max-wait": 4 });
});

test("the history: the totals begin anew after what is no record, or has none that can be read", async () => {
  const nats = await withBucket();
  const broken = JSON.stringify({ ...reportOf(), totals: { drains: { empty: -1 } } });
  for (const value of ["{", "", broken]) {
    await writeHistory(nats, reportOf(), KEY, MS);
    nats.publish(historyEntry(reportOf(), BUCKET).subject, value);
    await writeHistory(nats, reportOf(), KEY, MS);
    expect((await readWholeHistory(nats, KEY, MS)).totals?.drains).toEqual({ empty: 1 });
  }
});

test("the history: a user who may write and not read keeps reports without totals", async () => {
  const server = await labServer({
    authorization: `accounts { APP { jetstream: enabled, users: [ ${ADMIN_USER_CONFIG},
      { user: drain, password: "drain-pw", permissions: {
        publish: { allow: ["$KV.drains.>"] }, subscribe: { allow: ["_INBOX.>"] } } } ] } }`,
  });
  const admin = await connectAs("admin", server.wsUrl);
  onTestFinished(() => admin.close());
  await makeBucket(admin.nats);
  const drain = await connectAs("drain", server.wsUrl);
  onTestFinished(() => drain.close());
  expect(await writeHistory(drain.nats, reportOf(), KEY, MS)).toBe(true);
  expect(await readWholeHistory(admin.nats, KEY, MS)).toEqual({ reports: [reportOf()], totals: undefined });
});

test("the history: what is no report is left out", async () => {
  const nats = await withBucket();
  await writeHistory(nats, reportOf(), KEY, MS);
  const forged: Record<string, unknown>[] = [
    { findings: [null] },
    { findings: [{ code: 1, message: "x" }] },
    { timings: {} },
    { timings: { totalMs: "1\nforged_metric 1" } },
    { outcome: "toString" },
    { fetched: "<script>" },
    { stream: {} },
  ];
  const values = forged.map((member) => JSON.stringify({ ...reportOf(), ...member }));
  for (const value of ["", "{", "null", "{}", "[]", ...values])
    nats.publish("$KV.drains.EVENTS.sluice", value);
  await nats.flush();
  expect(await readHistory(nats, KEY, MS)).toEqual([reportOf()]);
});

test("the history: a value that says it is a status, or has a sequence of its own, hides no other", async () => {
  const server = await labServer();
  const { nats, close } = await connectAs("admin", server.wsUrl).then((connection) => ({
    nats: connection.nats,
    close: () => connection.close(),
  }));
  onTestFinished(close);
  await makeBucket(nats);
  const subject = "$KV.drains.EVENTS.sluice";
  const body = JSON.stringify(reportOf());
  for (const block of ["NATS/1.0 404\r\n\r\n", "NATS/1.0\r\nNats-Sequence: 0\r\n\r\n"])
    await server.publishRaw({ subject, block, body });
  expect(await writeHistory(nats, reportOf(), KEY, MS)).toBe(true);
  expect(await readHistory(nats, KEY, MS)).toHaveLength(3);
});

test("the history: an answer without a sequence is not asked for again and again", async () => {
  const nats = await adminOfNewServer();
  nats.subscribe("$JS.API.DIRECT.GET.KV_forged", { callback: (_, question) => void question.respond("x") });
  const key = { ...KEY, bucket: "forged" };
  expect(await readHistory(nats, key, MS)).toEqual([]);
});

test("a consumer's state is numbers, whoever answers", async () => {
  const nats = await adminOfNewServer();
  const text = '"1\\nforged_metric 1"';
  const answer = `{"num_pending":${text},"num_ack_pending":1,"num_redelivered":1,"num_waiting":1}`;
  const subject = "$JS.elsewhere.API.CONSUMER.INFO.EVENTS.sluice";
  nats.subscribe(subject, { callback: (_, question) => void question.respond(answer) });
  const asked = readConsumerState(nats, { ...KEY, domain: "elsewhere" }, MS);
  await expect(asked).rejects.toThrow("not one of JetStream's");
});

test("the history is not waited for when the connection ends, or has ended", async () => {
  // This user is not told that it may not ask, so that only the time would end the wait.
  const server = await labServer({
    authorization: `accounts { APP { jetstream: enabled, users: [ ${ADMIN_USER_CONFIG},
      { user: drain, password: "drain-pw", permissions: { publish: { deny: ["$JS.API.DIRECT.>"] } } } ] } }`,
  });
  const { nats } = await connectAs("drain", server.wsUrl);
  const reading = readHistory(nats, KEY, HANG_MS);
  await nats.flush();
  await nats.close();
  expect(await reading).toEqual([]);
  expect(await readHistory(nats, KEY, HANG_MS)).toEqual([]);
});

test("the history: without a bucket nothing is kept, nothing is read, and nothing throws", async () => {
  const nats = await adminOfNewServer();
  expect(await writeHistory(nats, reportOf(), KEY, MS)).toBe(false);
  expect(await readHistory(nats, KEY, MS)).toEqual([]);
});
