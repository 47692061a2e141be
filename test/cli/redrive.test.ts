// `sluice redrive` as a user runs it, on a real nats-server, with dead letters that a real drain made. A process in the
// first tests, and where it is interrupted.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { headers as makeHeaders, type NatsConnection, wsconnect } from "@nats-io/nats-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { defineDrain, reject } from "../../src/index.ts";
import { closeExhibit, type LabServer, labJwtServer, labServer, openServer } from "../support/lab-client.ts";
import { ADMIN_USER_CONFIG, DRAIN_PERMISSIONS } from "../support/nats.ts";
import { type Run, type RunningSluice, sluice, startSluice } from "../support/sluice.ts";

const ADMIN = { NATS_USER: "admin", NATS_PASSWORD: "admin-pw" };

interface Redrive extends Run {
  /** The last line of stdout. */
  readonly counts: unknown;
}

interface RunningRedrive {
  readonly child: RunningSluice["child"];
  readonly ended: Promise<Redrive>;
}

function startRedrive(
  args: readonly string[],
  env: Readonly<Record<string, string>> = ADMIN,
): RunningRedrive {
  const { child, ended } = startSluice(["redrive", "--yes", ...args], env);
  return { child, ended: ended.then((run) => ({ ...run, counts: countsOf(run) })) };
}

function countsOf({ stdout }: Run): unknown {
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  return last.startsWith("{") ? JSON.parse(last) : undefined;
}

async function redrive(
  args: readonly string[],
  env: Readonly<Record<string, string>> = ADMIN,
): Promise<Redrive> {
  const run = await sluice(["redrive", "--yes", ...args], env);
  return { ...run, counts: countsOf(run) };
}

async function connectAdmin(server: LabServer): Promise<NatsConnection> {
  const nats = await wsconnect({ servers: server.wsUrl, user: "admin", pass: "admin-pw" });
  onTestFinished(() => nats.close());
  return nats;
}

/** A stream ORDERS whose messages a drain has rejected, of `orders.eu` and `orders.us` in turn, and a stream DLQ of their dead letters. */
async function givenDeadLetters(count: number, on?: LabServer) {
  const server = on ?? (await labServer());
  const nats = await connectAdmin(server);
  await server.createStream("ORDERS", { subjects: ["orders.>"] });
  await server.createStream("DLQ", { subjects: ["dlq.>"] });
  await server.createConsumer("ORDERS", "billing");
  for (let made = 1; made <= count; made += 1) {
    const headers = makeHeaders();
    for (const trace of [`a${made}`, `b${made}`]) headers.append("Trace", trace);
    const body = new Uint8Array([0, 255, made, 13, 10]);
    await jetstream(nats).publish(made % 2 ? "orders.eu" : "orders.us", body, {
      headers,
      msgID: `order-${made}`,
    });
  }
  const drain = defineDrain({
    servers: server.wsUrl,
    auth: { user: "drain", password: "drain-pw" },
    stream: "ORDERS",
    consumer: "billing",
    handler: ({ subject }) => reject(subject === "orders.eu" ? "no such customer" : "no price"),
    deadLetter: { subject: "dlq.orders" },
    maxWaitMs: 200,
  });
  const drainAgain = () => drain.run({ limitMs: 10_000 });
  expect(await drainAgain()).toMatchObject({ fetched: count, deadLettered: count });
  return {
    server,
    nats,
    drainAgain,
    countOf: async (stream: string): Promise<number> => (await server.streamState(stream)).messages,
    at: (...args: string[]): string[] => ["--server", server.wsUrl, "--stream", "DLQ", ...args],
  };
}

/** What was put back into ORDERS, behind its first `count` messages. */
async function putBack(nats: NatsConnection, count: number) {
  const { streams } = await jetstreamManager(nats);
  const { last_seq: last } = (await streams.info("ORDERS")).state;
  const sequences = Array.from({ length: last - count }, (_, index) => count + index + 1);
  return await Promise.all(
    sequences.map(async (seq) => {
      const message = await streams.getMessage("ORDERS", { seq });
      const own = Array.from(message?.header ?? []).filter(([key]) => !key.startsWith("Nats-"));
      return {
        subject: message?.subject,
        data: Array.from(message?.data ?? []),
        headers: Object.fromEntries(own),
      };
    }),
  );
}

/** The n-th message that `givenDeadLetters` made. */
const original = (made: number) => ({
  subject: made % 2 ? "orders.eu" : "orders.us",
  data: [0, 255, made, 13, 10],
  headers: { Trace: [`a${made}`, `b${made}`] },
});

describe("sluice redrive", () => {
  it("puts dead letters back as they were, in order, and deletes them", async () => {
    const { server, nats, at, countOf, drainAgain } = await givenDeadLetters(3);
    const { code, stdout, stderr } = await startRedrive(at()).ended;
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stderr: "",
      stdout: '{"redriven":3,"duplicates":0,"skipped":0,"refused":0,"left":0}\n',
    });
    expect(await putBack(nats, 3)).toEqual([original(1), original(2), original(3)]);
    expect(await countOf("DLQ")).toBe(0);
    expect(await server.consumerCount("DLQ")).toBe(0);
    // And they die again as any message does.
    expect(await drainAgain()).toMatchObject({ fetched: 3, deadLettered: 3 });
  });

  it("with --dry-run says what it would put back, and changes nothing", async () => {
    const { server, nats, at, countOf } = await givenDeadLetters(5);
    const { code, stdout, stderr } = await startRedrive(at("--dry-run")).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(`count  subject    consumer  reason
3      orders.eu  billing   no such customer
2      orders.us  billing   no price
{"wouldRedrive":5,"skipped":0,"left":5}
`);
    expect([await countOf("DLQ"), await countOf("ORDERS"), await putBack(nats, 5)]).toEqual([5, 5, []]);
    expect(await server.consumerCount("DLQ")).toBe(0);
  });

  it.each<[args: string[], meant: number[]]>([
    [
      ["--max", "2"],
      [1, 2],
    ],
    [
      ["--subject", "orders.us"],
      [2, 4],
    ],
    [["--subject", "orders.*", "--max", "1"], [1]],
    [["--subject", "orders"], []],
    [
      ["--subject", "orders.>", "--reason", "price"],
      [2, 4],
    ],
    [
      ["--consumer", "billing", "--max", "3"],
      [1, 2, 3],
    ],
    [["--consumer", "shipping"], []],
  ])("with %j puts back what is meant, and no more", async (args, meant) => {
    const { nats, at, countOf } = await givenDeadLetters(4);
    const preview = await redrive(at("--dry-run", ...args));
    expect(preview.counts).toEqual({ wouldRedrive: meant.length, skipped: 0, left: 4 });
    const { counts } = await redrive(at(...args));
    expect(counts).toMatchObject({ redriven: meant.length, skipped: 0, left: 4 - meant.length });
    expect(await putBack(nats, 4)).toEqual(meant.map(original));
    expect(await countOf("DLQ")).toBe(4 - meant.length);
  });

  it("with --keep deletes nothing, and a second time puts nothing back twice", async () => {
    const { at, countOf } = await givenDeadLetters(2);
    expect(await redrive(at("--keep"))).toMatchObject({
      code: 0,
      counts: { redriven: 2, duplicates: 0, left: 2 },
    });
    expect(await redrive(at("--keep"))).toMatchObject({
      code: 0,
      counts: { redriven: 0, duplicates: 2, left: 2 },
    });
    expect([await countOf("ORDERS"), await countOf("DLQ")]).toEqual([4, 2]);
  });

  it("skips what does not say where it came from, and leaves it there", async () => {
    const { server, at, countOf } = await givenDeadLetters(2);
    await server.publish("dlq.stranger", 3);
    expect(await redrive(at())).toMatchObject({ code: 0, counts: { redriven: 2, skipped: 3, left: 3 } });
    expect(await countOf("DLQ")).toBe(3);
  });

  it("puts the message of a stub back from the stream that it is still in", async () => {
    const { server, nats, at, countOf } = await givenDeadLetters(0);
    await server.publish("orders.eu", 1, 1_048_576);
    await defineDrain({
      servers: server.wsUrl,
      auth: { user: "drain", password: "drain-pw" },
      stream: "ORDERS",
      consumer: "billing",
      handler: () => reject("no price"),
      deadLetter: { subject: "dlq.orders" },
    }).run({ limitMs: 10_000 });
    expect(await redrive(at())).toMatchObject({ code: 0, counts: { redriven: 1, skipped: 0, left: 0 } });
    const [again] = await putBack(nats, 1);
    expect([again?.subject, again?.data.length, again?.headers]).toEqual(["orders.eu", 1_048_576, {}]);
    expect([await countOf("ORDERS"), await countOf("DLQ")]).toEqual([2, 0]);
  });

  it("puts back no message that dies again while it runs", async () => {
    const { at, drainAgain, countOf } = await givenDeadLetters(4);
    const running = startRedrive(at("--rate", "5")).ended;
    const ended = running.then(() => true);
    while (!(await Promise.race([ended, drainAgain().then(() => false)])));
    expect(await running).toMatchObject({ counts: { redriven: 4 } });
    await drainAgain();
    expect([await countOf("ORDERS"), await countOf("DLQ")]).toEqual([8, 4]);
  });
});

describe("a forged dead letter", () => {
  /** Publishes a message with these headers to the dead letters. */
  async function forge(nats: NatsConnection, headers: Readonly<Record<string, string>>): Promise<void> {
    const all = makeHeaders();
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    await jetstream(nats).publish("dlq.orders", "forged", { headers: all });
  }

  it.each([
    ["an API", { "Sluice-Subject": "$JS.API.STREAM.DELETE.ORDERS", "Sluice-Stream": "ORDERS" }],
    ["an inbox", { "Sluice-Subject": "_INBOX.abc", "Sluice-Stream": "ORDERS" }],
    ["the inbox of a user", { "Sluice-Subject": "mine.x", "Sluice-Stream": "ORDERS" }],
    ["every subject", { "Sluice-Subject": "orders.>", "Sluice-Stream": "ORDERS" }],
    ["a space", { "Sluice-Subject": "orders.eu 5", "Sluice-Stream": "ORDERS" }],
    ["control characters", { "Sluice-Subject": "orders.\u001b[2J\u009b", "Sluice-Stream": "ORDERS" }],
    ["no stream", { "Sluice-Subject": "orders.eu" }],
    [
      "a stub of nothing",
      { "Sluice-Subject": "orders.eu", "Sluice-Stream": "ORDERS", "Sluice-Stub": "true" },
    ],
  ])("of %s is skipped, counted and named, and harms no other", async (_what, headers) => {
    const { nats, at, countOf } = await givenDeadLetters(1);
    await forge(nats, headers);
    await defineForgedBlock(nats);
    const args = at("--inbox-prefix", "mine");
    const preview = await redrive([...args, "--dry-run"]);
    expect(preview).toMatchObject({ code: 0, counts: { wouldRedrive: 1, skipped: 2, left: 3 } });
    const { code, counts, stdout, stderr } = await redrive(args);
    expect({ code, counts }).toMatchObject({ code: 0, counts: { redriven: 1, skipped: 2, left: 2 } });
    expect(stderr).toMatch(/^message 2 is skipped: .*\nmessage 3 is skipped: .*\n$/);
    expect(`${preview.stdout}${stdout}${stderr}`).not.toMatch(/[^\P{Cc}\n]/u);
    expect([await countOf("ORDERS"), await countOf("DLQ")]).toEqual([2, 2]);
  });

  /** A header block that no client of nats.js can read. */
  async function defineForgedBlock(nats: NatsConnection): Promise<void> {
    const publisher = nats as unknown as { protocol: { sendCommand(text: string): void } };
    const block = "NATS/1.0\r\nFoo Bar: x\r\n\r\n";
    publisher.protocol.sendCommand(`HPUB dlq.orders ${block.length} ${block.length}\r\n${block}\r\n`);
    await nats.flush();
  }

  it("of a subject that its stream does not take in is refused", async () => {
    const { server, nats, at, countOf } = await givenDeadLetters(0);
    await server.createStream("PAYROLL", { subjects: ["payroll.>"] });
    await forge(nats, { "Sluice-Subject": "payroll.raise", "Sluice-Stream": "ORDERS" });
    expect(await redrive(at())).toMatchObject({ code: 1, counts: { refused: 1, left: 1 } });
    expect([await countOf("PAYROLL"), await countOf("ORDERS")]).toEqual([0, 0]);
  });

  it("cannot make another take junk under its id for itself", async () => {
    const { nats, at, countOf } = await givenDeadLetters(1);
    const msgID = "sluice-redrive:DLQ:1";
    await jetstream(nats).publish("orders.eu", "junk", { msgID });
    expect(await redrive(at())).toMatchObject({ code: 0, counts: { redriven: 1, duplicates: 0, left: 0 } });
    expect((await putBack(nats, 2)).at(-1)).toEqual(original(1));
    expect(await countOf("ORDERS")).toBe(3);
  });
});

it("sluice redrive asks, and so needs --yes without a terminal", async () => {
  const { server } = await givenDeadLetters(0);
  const { code, stderr } = await sluice(["redrive", "--server", server.wsUrl, "--stream", "DLQ"], ADMIN);
  expect(code).toBe(64);
  expect(stderr).toMatch(/^sluice: --yes is missing, .*see sluice redrive --help\n$/);
});

describe("sluice redrive that is cut short", () => {
  it("between a publish and its delete puts nothing back twice the next time", async () => {
    const server = await labServer({
      authorization: `accounts { APP { jetstream: enabled, users: [ ${ADMIN_USER_CONFIG},
        { user: drain, password: "drain-pw", permissions: ${DRAIN_PERMISSIONS} }
        { user: half, password: "half-pw", permissions: { publish: { deny: "$JS.API.STREAM.MSG.DELETE.>" } } } ] } }`,
    });
    const { nats, at, countOf } = await givenDeadLetters(3, server);
    const first = await redrive(at(), { NATS_USER: "half", NATS_PASSWORD: "half-pw" });
    expect(first).toMatchObject({ code: 1, counts: { redriven: 1, left: 3 } });
    expect(first.stderr).toMatch(/^sluice: stream "DLQ": .*Permissions Violation.*MSG\.DELETE\.DLQ.*\n$/);
    expect(await countOf("ORDERS")).toBe(4);
    expect(await redrive(at())).toMatchObject({ code: 0, counts: { redriven: 2, duplicates: 1, left: 0 } });
    expect(await putBack(nats, 3)).toEqual([original(1), original(2), original(3)]);
  });

  it.each<[NodeJS.Signals, unknown]>([
    ["SIGINT", 130],
    ["SIGKILL", "SIGKILL"],
  ])("by %s loses nothing, and the next one puts back the rest, once", async (signal, code) => {
    const { nats, at, countOf } = await givenDeadLetters(20);
    const { child, ended } = startRedrive(at("--rate", "10"));
    await expect.poll(() => countOf("ORDERS"), { timeout: 20_000, interval: 20 }).toBeGreaterThanOrEqual(23);
    child.kill(signal);
    const { code: ending, counts, stderr } = await ended;
    expect({ ending, stderr }).toEqual({ ending: code, stderr: "" });
    const done = (await countOf("ORDERS")) - 20;
    if (signal === "SIGINT") expect(counts).toMatchObject({ redriven: done, left: 20 - done });
    const rest = await redrive(at());
    expect(rest).toMatchObject({ code: 0, counts: { left: 0 } });
    expect(await putBack(nats, 20)).toEqual(Array.from({ length: 20 }, (_, index) => original(index + 1)));
  });
});

describe("what sluice redrive cannot put back", () => {
  it("stays a dead letter when no stream takes its subject, and the exit code says so", async () => {
    const { server, at, countOf } = await givenDeadLetters(2);
    await server.deleteStream("ORDERS");
    const { code, counts, stderr } = await redrive(at());
    expect({ code, counts }).toMatchObject({ code: 1, counts: { redriven: 0, refused: 2, left: 2 } });
    expect(stderr).toMatch(
      /^"orders.eu" is not put back: there is no stream "ORDERS".*\n"orders.us" is .*\n$/,
    );
    expect(await countOf("DLQ")).toBe(2);
  });

  it("stays when another stream has its subject now, as the stream of dead letters itself", async () => {
    const { server, nats, at, countOf } = await givenDeadLetters(1);
    await server.deleteStream("ORDERS");
    await (await jetstreamManager(nats)).streams.update("DLQ", { subjects: ["dlq.>", "orders.>"] });
    expect(await redrive(at())).toMatchObject({ code: 1, counts: { refused: 1, left: 1 } });
    expect(await countOf("DLQ")).toBe(1);
  });

  it("is not tried where nothing may be deleted, unless it is to be kept", async () => {
    const { nats, at, countOf } = await givenDeadLetters(1);
    await (await jetstreamManager(nats)).streams.update("DLQ", { deny_delete: true } as never); // not in the library's type
    expect(await redrive(at())).toMatchObject({
      code: 1,
      stderr: 'sluice: stream "DLQ" lets nobody delete from it: put its dead letters back with --keep\n',
    });
    expect(await countOf("ORDERS")).toBe(1);
    expect(await redrive(at("--keep"))).toMatchObject({ code: 0, counts: { redriven: 1, left: 1 } });
  });
});

describe("sluice redrive, logging in,", () => {
  it.each<[what: string, args: string[], env: Record<string, string>]>([
    ["the environment", [], { NATS_TOKEN: "s3cret" }],
  ])("takes a token from %s", async (_what, args, env) => {
    const server = await labServer({
      authorization: "authorization { token: s3cret }",
      adminLogin: { token: "s3cret" },
    });
    await server.createStream("DLQ", { subjects: ["dlq.>"] });
    expect(await redrive(["--stream", "DLQ", ...args], { NATS_URL: server.wsUrl, ...env })).toMatchObject({
      code: 0,
      stderr: "",
      counts: { redriven: 0, left: 0 },
    });
  });

  it("takes a .creds file", async () => {
    const server = await labJwtServer();
    await server.createStream("DLQ", { subjects: ["dlq.>"] });
    const folder = await mkdtemp(join(tmpdir(), "sluice-redrive-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "admin.creds");
    await writeFile(file, server.creds.admin);
    const args = ["--server", server.wsUrl, "--stream", "DLQ"];
    expect(await redrive([...args, "--creds", file], {})).toMatchObject({ code: 0, stderr: "" });
    expect(await redrive(args, { NATS_CREDS: file })).toMatchObject({ code: 0, stderr: "" });
    expect(await redrive(args, { NATS_CREDS: server.creds.admin })).toMatchObject({ code: 0, stderr: "" });
    const refused = await redrive(args, { NATS_CREDS: server.creds.stranger });
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^sluice: The server refused the cred.*\n$/),
    });
    expect(refused.stderr).not.toContain("SEED");
  });
});

describe("sluice redrive says in one line of", () => {
  let server: LabServer;
  beforeAll(async () => {
    server = await openServer();
  });
  afterAll(() => closeExhibit(server));

  const WRONG: Readonly<Record<string, string>> = { NATS_USER: "admin", NATS_PASSWORD: "hunter2" };
  type Args = (wsUrl: string) => string[];
  it.each<[what: string, args: Args, code: number, line: RegExp, env?: Readonly<Record<string, string>>]>([
    [
      "a stream that is not there",
      (url) => ["--server", url, "--stream", "NONE"],
      1,
      /stream "NONE": There is no such/,
      ADMIN,
    ],
    [
      "a wrong password",
      (url) => ["--server", url, "--stream", "DLQ"],
      1,
      /The server refused the credentials/,
    ],
    [
      "no server",
      () => ["--server", "ws://127.0.0.1:1", "--stream", "DLQ"],
      1,
      /No connection could be made/,
    ],
    ["a missing stream", (url) => ["--server", url], 64, /--stream is missing.*see sluice redrive --help/],
    ["a missing server", () => ["--stream", "DLQ"], 64, /--server is missing, and NATS_URL is not set/],
    [
      "an address of another kind",
      () => ["--server", "nats://a:hunter2@b", "--stream", "DLQ"],
      64,
      /--server must be/,
    ],
    [
      "credentials in the address",
      () => ["--server", "ws://a:hunter2@b", "--stream", "DLQ"],
      64,
      /no credentials/,
    ],
    [
      "two kinds of credentials",
      (url) => ["--server", url, "--stream", "DLQ"],
      64,
      /Several kinds of credentials/,
      { NATS_TOKEN: "hunter2", NATS_USER: "admin" },
    ],
    [
      "a number that is none",
      (url) => ["--server", url, "--stream", "DLQ", "--max", "0"],
      64,
      /--max must be .*'0'/,
    ],
    [
      "a .creds file that is not there",
      (url) => ["--server", url, "--stream", "DLQ", "--creds", "/nowhere/a.creds"],
      78,
      /--creds: the file cannot be read \(ENOENT\)/,
    ],
  ])("%s", async (_what, args, code, line, env = WRONG) => {
    const run = await redrive(args(server.wsUrl), env);
    expect(run).toMatchObject({ code, stdout: "" });
    expect(run.stderr).toMatch(line);
    expect(run.stderr).toMatch(/^sluice: [^\n]*\n$/);
    expect(run.stderr).not.toContain("hunter2");
  });
});
