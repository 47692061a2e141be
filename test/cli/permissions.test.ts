// `sluice permissions`, its user on a real server: a drain works, and everything else is denied.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wsconnect } from "@nats-io/nats-core";
import { expect, it, onTestFinished } from "vitest";
import { readView } from "../../src/dashboard/index.tsx";
import { defineDrain, reject } from "../../src/index.ts";
import { BUCKET, makeBucket } from "../support/bucket.ts";
import { labServer } from "../support/lab-client.ts";
import { ADMIN_USER, ADMIN_USER_CONFIG } from "../support/nats.ts";
import { sluice, sluiceProcess } from "../support/sluice.ts";

const ARGS = ["permissions", "--stream", "ORDERS", "--consumer", "billing", "--dead-letter", "dlq.orders"];

/** A drain by the user that the command prints. */
const BASE = {
  auth: { user: "sluice", password: "sluice-pw" },
  inboxPrefix: "_INBOX_sluice",
  stream: "ORDERS",
  consumer: "billing",
  maxWaitMs: 200,
};

/** A server that has the user which the command printed, beside the laboratory's own. */
function withUser(printed: string): { authorization: string } {
  const user = printed.replace("$SLUICE_PASSWORD", JSON.stringify(BASE.auth.password));
  return {
    authorization: `accounts { APP { jetstream: enabled, users: [ ${ADMIN_USER_CONFIG},\n${user}\n ] } }`,
  };
}

it("sluice permissions lets a drain work, and denies everything else", async () => {
  const { stdout } = await sluiceProcess(ARGS);
  const server = await labServer(withUser(stdout));
  await server.createStream("ORDERS", { subjects: ["orders.>"] });
  await server.createStream("DLQ", { subjects: ["dlq.>"] });
  await server.createConsumer("ORDERS", "billing", { max_deliver: 10 });
  await server.publish("orders.eu", 3);
  const drain = defineDrain({
    ...BASE,
    servers: server.wsUrl,
    deadLetter: { subject: "dlq.orders" },
    handler: ({ sequence }) => (sequence === 1 ? reject("no price") : undefined),
  });
  expect(await drain.run({ limitMs: 10_000 })).toMatchObject({ reason: "empty", acked: 2, deadLettered: 1 });

  const nats = await wsconnect({ servers: server.wsUrl, user: "sluice", pass: "sluice-pw" });
  onTestFinished(() => nats.close());
  const denied = new Set<string>();
  void (async () => {
    for await (const status of nats.status()) if (status.type === "error") denied.add(status.error.message);
  })();
  const publish = [
    "orders.eu",
    "dlq.other",
    "$JS.API.STREAM.DELETE.ORDERS",
    "$JS.API.CONSUMER.MSG.NEXT.ORDERS.other",
  ];
  for (const subject of publish) nats.publish(subject);
  for (const subject of ["_INBOX.>", "orders.>", ">"]) nats.subscribe(subject, { callback: () => {} });
  await nats.flush();
  await expect.poll(() => denied.size).toBe(7);
  for (const subject of publish) expect([...denied].join("\n")).toContain(`Publish to "${subject}"`);
});

it("sluice permissions --bucket lets a drain keep its report, and the dashboard show it", async () => {
  const args = ["permissions", "--stream", "ORDERS", "--consumer", "billing", "--bucket", BUCKET];
  const { stdout } = await sluice(args);
  const server = await labServer(withUser(stdout));
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "billing");
  await server.publish("ORDERS.new", 3);
  const admin = await wsconnect({ servers: server.wsUrl, ...ADMIN_USER });
  onTestFinished(() => admin.close());
  await makeBucket(admin);
  const settings = {
    ...BASE,
    servers: server.wsUrl,
    history: { bucket: BUCKET },
  };
  const report = await defineDrain({ ...settings, handler: () => {} }).run({ limitMs: 10_000 });
  expect(report.findings.map(({ code }) => code)).not.toContain("history-failed");
  const view = await readView(settings);
  expect(view).toMatchObject({ state: { pending: 0 }, reports: [{ acked: 3 }] });
  expect(view.problem).toBeUndefined();
});

it("sluice permissions --dead-letter-stream lets a drain see that no dead letter is kept", async () => {
  const letters = ["--dead-letter-stream", "DLQ"];
  const { stdout } = await sluice([...ARGS, ...letters]);
  const server = await labServer(withUser(stdout));
  await server.createStream("ORDERS", { subjects: ["orders.>"] });
  await server.createStream("DLQ", { subjects: ["dlq.>"], retention: "interest" as never }); // the enum's own value
  await server.createConsumer("ORDERS", "billing", { max_deliver: 10 });
  await server.publish("orders.eu", 3);
  const drain = defineDrain({
    ...BASE,
    servers: server.wsUrl,
    deadLetter: { subject: "dlq.orders" },
    retryDelay: () => 20,
    handler: () => reject("no price"),
  });
  expect(await drain.run({ limitMs: 10_000 })).toMatchObject({ deadLettered: 0, retried: 3 });
  await server.createConsumer("DLQ", "keeper");
  expect(await drain.run({ limitMs: 10_000 })).toMatchObject({ deadLettered: 3, retried: 0 });
});

it("sluice permissions --copy-to lets a drain keep what cannot be dead-lettered, and nothing else", async () => {
  const copies = ["--copy-to", "orders.eu", "orders.us.>"];
  const { stdout } = await sluice([...ARGS, ...copies]);
  const server = await labServer(withUser(stdout));
  await server.createStream("ORDERS", { subjects: ["orders.>"] });
  await server.createConsumer("ORDERS", "billing", { max_deliver: 1 });
  for (const subject of ["orders.eu", "orders.us.ny", "orders.asia"]) await server.publish(subject, 1);
  const drain = defineDrain({
    servers: server.wsUrl,
    auth: { user: "sluice", password: "sluice-pw" },
    inboxPrefix: "_INBOX_sluice",
    stream: "ORDERS",
    consumer: "billing",
    deadLetter: { subject: "dlq.orders" },
    batchHandler: () => Promise.reject(new Error("no")),
  });
  // There is no stream of dead letters yet.
  expect(await drain.run({ limitMs: 2_500 })).toMatchObject({ fetched: 3, retried: 2, exhausted: 1 });
  await server.createStream("DLQ", { subjects: ["dlq.>"] });
  expect(await drain.run({ limitMs: 10_000 })).toMatchObject({ fetched: 2, deadLettered: 2 });

  for (const wrong of [">", "$JS.API.>", "a b", "*.x"]) {
    expect(await sluice([...ARGS, "--copy-to", wrong])).toMatchObject({ code: 64 });
  }
});

it("sluice permissions reads the Worker's vars, of the environment and of a file, and options before both", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-permissions-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "drain.env");
  const vars = [
    "NATS_STREAM=FILED",
    "NATS_CONSUMER=filed",
    "DEAD_LETTER_SUBJECT=dlq.filed",
    "HISTORY_BUCKET=",
  ];
  await writeFile(file, vars.join("\n"));
  const env = { NATS_STREAM: "ORDERS", NATS_INBOX_PREFIX: " _INBOX_own " };
  const { stdout } = await sluice(["permissions", "--consumer", "billing", "-f", file], env);
  expect(stdout).toContain('"$JS.API.CONSUMER.MSG.NEXT.ORDERS.billing"');
  expect(stdout).toContain('"dlq.filed"');
  expect(stdout).toContain('"_INBOX_own.>"');
  expect(stdout).not.toContain("$KV");
});

it("sluice permissions names what is missing", async () => {
  expect(await sluice(["permissions", "--stream", "a b"])).toMatchObject({
    code: 64,
    stderr: expect.stringMatching(/^sluice: --stream must be/),
  });
});
