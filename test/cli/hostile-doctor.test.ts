// `sluice doctor` beside strangers: a configuration that somebody else wrote, and answers that are none of JetStream's.
// It changes nothing and says what it found, whatever they are.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { runDoctor } from "../../src/cli/doctor/doctor.ts";
import { connectAs } from "../support/delivery.ts";
import { closeExhibit, type LabServer, openServer } from "../support/lab-client.ts";

let server: LabServer;
beforeAll(async () => {
  server = await openServer();
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "worker", { max_deliver: 10 });
  await server.createStream("PAYROLL");
  await server.publish("PAYROLL.a", 1);
});
afterAll(() => closeExhibit(server));

/** Its exit code and what it shows, for a Worker of these vars. */
async function doctor(vars: Readonly<Record<string, string>>): Promise<[code: number, shown: string]> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const base = { NATS_URL: server.wsUrl, NATS_STREAM: "ORDERS", NATS_CONSUMER: "worker" };
  const login = { NATS_USER: "admin", NATS_PASSWORD: "admin-pw" };
  const toml = Object.entries({ ...base, ...login, ...vars }).map(
    ([name, text]) => `${name} = ${JSON.stringify(text)}`,
  );
  await writeFile(join(folder, "wrangler.toml"), ["[vars]", ...toml].join("\n"));
  let shown = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    shown += text;
    return true;
  });
  try {
    return [await runDoctor({ worker: folder }), shown];
  } finally {
    write.mockRestore();
  }
}

test.each([
  ["DEAD_LETTER_SUBJECT", "$JS.API.STREAM.DELETE.PAYROLL"],
  ["DEAD_LETTER_SUBJECT", "$JS.API.STREAM.PURGE.PAYROLL"],
  ["DEAD_LETTER_SUBJECT", "$JS.hub.API.STREAM.DELETE.PAYROLL"],
  ["DEAD_LETTER_SUBJECT", "$JS.ACK.ORDERS.worker.1.1.1.1.0"],
  ["DEAD_LETTER_SUBJECT", "$SYS.REQ.SERVER.PING"],
  ["DEAD_LETTER_SUBJECT", "_INBOX.somebody"],
  ["DEAD_LETTER_SUBJECT", "dlq.>"],
  ["DEAD_LETTER_SUBJECT", "dlq orders"],
  ["NATS_DOMAIN", "API.STREAM.DELETE.PAYROLL 0\r\n\r\nPUB x"],
  ["NATS_DOMAIN", "a.b"],
  ["HISTORY_BUCKET", "a.b"],
  ["HISTORY_BUCKET", "*"],
  ["HISTORY_BUCKET", "x y"],
  ["NATS_STREAM", "ORDERS\u0007"],
  ["NATS_CONSUMER", "worker'; id"],
])("a %s of %j is told as wrong, and nothing is asked for it", async (name, value) => {
  expect(await doctor({ [name]: value })).toEqual([78, expect.stringMatching(/^✗ invalid-options/)]);
  expect((await server.streamState("PAYROLL")).messages).toBe(1);
});

const NO_TEXT = { toString: 1, valueOf: 1 };
const CONSUMER = {
  stream_name: "PAYROLL",
  name: "x'; id",
  config: { ack_policy: "explicit", max_deliver: 2 },
  delivered: { stream_seq: 1 },
  ack_floor: { stream_seq: 1 },
  num_pending: 1,
  num_ack_pending: 0,
  num_redelivered: 0,
  num_waiting: 0,
};

test.each<[what: string, answers: Record<string, unknown>]>([
  ["names of another consumer", { "CONSUMER.INFO": CONSUMER }],
  ["no counts", { "CONSUMER.INFO": { config: {} } }],
  [
    "counts that are text",
    { "CONSUMER.INFO": { ...CONSUMER, num_pending: "\u001b[2J", num_redelivered: NO_TEXT } },
  ],
  ["no positions", { "CONSUMER.INFO": { ...CONSUMER, delivered: null, ack_floor: 5 } }],
  [
    "a config of anything",
    { "CONSUMER.INFO": { ...CONSUMER, config: { backoff: [NO_TEXT], filter_subjects: [NO_TEXT] } } },
  ],
  ["a config that is a list", { "CONSUMER.INFO": { ...CONSUMER, config: [1] } }],
  ["no stream config", { "CONSUMER.INFO": CONSUMER, "STREAM.INFO": {} }],
  [
    "a stream config of anything",
    { "CONSUMER.INFO": CONSUMER, "STREAM.INFO": { config: { retention: {}, subjects: [NO_TEXT] } } },
  ],
  ["stream names that are a text", { "CONSUMER.INFO": CONSUMER, "STREAM.NAMES": { streams: "abc" } }],
  [
    "stream names that are no text",
    { "CONSUMER.INFO": CONSUMER, "STREAM.NAMES": { streams: [NO_TEXT, 5, null] } },
  ],
  [
    "a missing consumer among such names",
    {
      "CONSUMER.INFO": { error: { code: 404, err_code: 10014 } },
      "CONSUMER.NAMES": { consumers: [NO_TEXT] },
    },
  ],
  [
    "a missing consumer among a number",
    { "CONSUMER.INFO": { error: { code: 404, err_code: 10014 } }, "CONSUMER.NAMES": { consumers: 5 } },
  ],
  [
    "a missing stream among long names",
    {
      "CONSUMER.INFO": { error: { code: 404, err_code: 10059 } },
      "STREAM.NAMES": { streams: Array(2_000).fill("\u001b[31m".repeat(50)) },
    },
  ],
])("an answer of %s ends no examination, and is not obeyed", async (_, answers) => {
  const neighbour = await connectAs("admin", server.wsUrl);
  onTestFinished(() => neighbour.close());
  neighbour.nats.subscribe("$JS.elsewhere.API.>", {
    callback: (_error, question) => {
      const asked = question.subject.slice("$JS.elsewhere.API.".length);
      const [, answer] = Object.entries(answers).find(([name]) => asked.startsWith(name)) ?? [];
      question.respond(JSON.stringify(answer ?? {}));
    },
  });
  await neighbour.nats.flush();
  const [, shown] = await doctor({ NATS_DOMAIN: "elsewhere", DEAD_LETTER_SUBJECT: "dlq.x" });
  expect(shown).toMatch(/^limit +\d+ ms$/m);
  expect(shown.replaceAll("\n", "")).not.toMatch(
    /is not a function|Cannot |undefined|NaN|PAYROLL|\bid\b|\p{Cc}/u,
  );
  expect(shown.length).toBeLessThan(20_000);
});
