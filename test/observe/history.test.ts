// History in a real KV bucket.
import { expect, onTestFinished, test } from "vitest";
import { readHistory, writeHistory } from "../../src/observe/history.ts";
import { BUCKET, makeBucket } from "../support/bucket.ts";
import { connectAs } from "../support/delivery.ts";
import { labServer } from "../support/lab-client.ts";
import { aReport } from "./report.ts";

const KEY = { bucket: BUCKET, stream: "EVENTS", consumer: "sluice" };
const MS = 10_000;

async function opened() {
  const server = await labServer();
  const { nats, close } = await connectAs("admin", server.wsUrl).then((connection) => ({
    nats: connection.nats,
    close: () => connection.close(),
  }));
  onTestFinished(close);
  return nats;
}

async function withBucket() {
  const nats = await opened();
  await makeBucket(nats);
  return nats;
}

test("the last 64 reports are read back, oldest first, and another consumer's are not", async () => {
  const nats = await withBucket();
  for (let count = 0; count < 70; count++) {
    const report = aReport({ heartbeats: count });
    expect(await writeHistory(nats, report, KEY, MS)).toBe(true);
    await writeHistory(nats, aReport({ consumer: "other" }), KEY, MS);
  }
  const reports = await readHistory(nats, KEY, MS);
  expect(reports.map(({ heartbeats }) => heartbeats)).toEqual(Array.from({ length: 64 }, (_, at) => at + 6));
  expect(reports.at(-1)).toEqual(aReport({ heartbeats: 69 }));
});

test("what is no report is left out", async () => {
  const nats = await withBucket();
  await writeHistory(nats, aReport(), KEY, MS);
  for (const value of ["", "{", "null", "{}", "[]"]) nats.publish("$KV.drains.EVENTS.sluice", value);
  await nats.flush();
  expect(await readHistory(nats, KEY, MS)).toEqual([aReport()]);
});

test("without a bucket nothing is kept, nothing is read, and nothing throws", async () => {
  const nats = await opened();
  expect(await writeHistory(nats, aReport(), KEY, MS)).toBe(false);
  expect(await readHistory(nats, KEY, MS)).toEqual([]);
});
