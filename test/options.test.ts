// A wrong option fails where it was written, by its name and with the value given; a secret is never quoted.
import { describe, expect, it } from "vitest";
import { MIN_LIMIT_MS } from "../src/budget.ts";
import { isInvalidOption } from "../src/checks.ts";
import { type Drain, defineDrain } from "../src/drain.ts";
import type { DrainOptions } from "../src/options.ts";
import { validateOptions } from "../src/validate.ts";

const RIGHT: DrainOptions = {
  servers: "wss://nats.example.com",
  stream: "ORDERS",
  consumer: "billing",
  handler: () => {},
};

/** The right options with some of them wrong, as a caller without TypeScript would write them. */
function withWrong(wrong: Readonly<Record<string, unknown>>): DrainOptions {
  return { ...RIGHT, ...wrong } as DrainOptions; // wrong on purpose
}

function refusal(options: DrainOptions): Error {
  try {
    validateOptions(options);
  } catch (error) {
    if (isInvalidOption(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"; // the example of nkeys' documentation
const CREDS = `-----BEGIN NATS USER JWT-----
e30.e30.e30
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${SEED}
------END USER NKEY SEED------
`;

describe("right options", () => {
  const table: Partial<DrainOptions>[] = [
    {},
    { servers: ["wss://a.example.com:8443/nats", "ws://127.0.0.1:8080"] },
    { auth: { token: "t" } },
    { auth: { user: "u", password: "p" } },
    { auth: { nkeySeed: SEED } },
    { auth: { creds: CREDS } },
    { auth: { creds: CREDS.trimEnd() } },
    { auth: { creds: CREDS.replaceAll("\n", "\r\n") } },
    { servers: ["ws://localhost", "ws://nats.localhost:8080", "ws://127.8.8.8", "ws://[::1]:8080"] },
    { servers: "ws://nats.example.com", allowInsecure: true },
    { servers: "ws://nats.example.com", via: { fetch } },
    { auth: () => ({ auth_token: "t" }) },
    { batch: 1, maxBytes: 1, fetches: 1, concurrency: 1, fill: true },
    { batch: 1_000_000, fetches: 1_000_000, concurrency: 10_000, fill: false },
    { maxWaitMs: 0, heartbeatMs: 50, pingIntervalMs: 1_000, connectTimeoutMs: 1, settleTimeoutMs: 1 },
    {
      retryDelay: () => 1,
      onError: () => {},
      name: "billing",
      domain: "edge",
      inboxPrefix: "_INBOX.billing",
    },
    { deadLetter: { subject: "dead.orders" } },
    {
      deadLetter: { subject: "dead.orders", maxDeliveries: 5 },
      via: { fetch },
      headers: { "X-Tenant": "acme" },
    },
    {
      auth: undefined,
      batch: undefined,
      deadLetter: undefined,
      domain: undefined,
      via: undefined,
      name: undefined,
    },
  ];
  it.each(table)("pass: %j", (part) => {
    expect(() => validateOptions({ ...RIGHT, ...part })).not.toThrow();
  });
});

describe("an option of the wrong shape", () => {
  type Row = [option: string, value: unknown, shown: string];
  const table: Row[] = [
    ["servers", undefined, "undefined"],
    ["servers", 4222, "4222"],
    ["servers", [], "an array"],
    ["servers", {}, "an object"],
    ["servers", "", '""'],
    ["servers", "nats.example.com", '"nats.example.com"'],
    ["servers", "nats://nats.example.com", '"nats://nats.example.com"'],
    ["servers", ["wss://nats.example.com", "https://example.com"], '"https://example.com"'],
    ["servers", ["wss://nats.example.com", null], "null"],
    ["stream", undefined, "undefined"],
    ["stream", "", '""'],
    ["stream", "a.b", '"a.b"'],
    ["stream", "a b", '"a b"'],
    ["stream", "x".repeat(200).concat(" "), `"${"x".repeat(80)}…"`],
    ["consumer", 7, "7"],
    ["consumer", "*", '"*"'],
    ["consumer", "a/b", '"a/b"'],
    ["consumer", "a\\b", '"a\\\\b"'],
    ["handler", undefined, "undefined"],
    ["handler", "handle", '"handle"'],
    ["batch", "10", '"10"'],
    ["fetches", null, "null"],
    ["maxBytes", "1k", '"1k"'],
    ["concurrency", "2", '"2"'],
    ["maxWaitMs", "5s", '"5s"'],
    ["heartbeatMs", true, "true"],
    ["pingIntervalMs", "20 s", '"20 s"'],
    ["connectTimeoutMs", {}, "an object"],
    ["settleTimeoutMs", [], "an array"],
    ["fill", 1, "1"],
    ["retryDelay", 1_000, "1000"],
    ["onError", {}, "an object"],
    ["name", 7, "7"],
    ["domain", "a.b", '"a.b"'],
    ["domain", null, "null"],
    ["inboxPrefix", "_INBOX.>", '"_INBOX.>"'],
    ["inboxPrefix", 5, "5"],
  ];
  it.each(table)("is a TypeError that names it: %s %j", (option, value, shown) => {
    const error = refusal(withWrong({ [option]: value }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: "SLUICE_INVALID_OPTION", option });
    expect(error.message).toMatch(new RegExp(`^${option}: `));
    expect(error.message).toContain(shown);
  });

  const nested: [option: string, wrong: Readonly<Record<string, unknown>>][] = [
    ["auth", { auth: "token" }],
    ["auth", { auth: null }],
    ["auth", { auth: {} }],
    ["auth", { auth: { token: "" } }],
    ["auth", { auth: { user: "u" } }],
    ["auth", { auth: { user: "u", password: "" } }],
    ["auth.nkeySeed", { auth: { nkeySeed: "SUSHORT" } }],
    ["auth.creds", { auth: { creds: "./my.creds" } }],
    ["auth.creds", { auth: { creds: CREDS.replace("e30.e30", "e30") } }],
    ["auth.creds", { auth: { creds: CREDS.replace("SUAC", "SUAD") } }],
    ["auth.creds", { auth: { creds: CREDS.replace(/-+END USER.*/s, "") } }],
    ["auth.nkeySeed", { auth: { nkeySeed: SEED.replace("SUAC", "SUAD") } }],
    ["servers", { servers: "ws://nats.example.com" }],
    ["servers", { servers: ["wss://nats.example.com", "ws://10.0.0.1"] }],
    ["servers", { servers: "ws://localhost.example.com" }],
    ["servers", { servers: "ws://128.0.0.1", allowInsecure: false }],
    ["allowInsecure", { allowInsecure: "yes" }],
    ["deadLetter", { deadLetter: null }],
    ["deadLetter.subject", { deadLetter: {} }],
    ["deadLetter.subject", { deadLetter: { subject: "dead.>" } }],
    ["deadLetter.subject", { deadLetter: { subject: "dead..orders" } }],
    ["deadLetter.subject", { deadLetter: { subject: "dead.\u0007" } }],
    ["deadLetter.subject", { deadLetter: { subject: "$JS.API.STREAM.DELETE.ORDERS" } }],
    ["deadLetter.subject", { deadLetter: { subject: "$SYS.REQ.SERVER.PING" } }],
    ["deadLetter.subject", { deadLetter: { subject: "_INBOX.somebody" } }],
    ["deadLetter.maxDeliveries", { deadLetter: { subject: "dead", maxDeliveries: "5" } }],
    ["headers", { headers: "Authorization: x" }],
    ["headers", { headers: null }],
    ["headers.X-Retries", { headers: { "X-Retries": 1 } }],
    ["headers.X-Forged", { headers: { "X-Forged": "a\r\nX: b" } }],
    ["via", { via: null }],
    ["via", { via: { fetch: "no" } }],
  ];
  it.each(nested)("is a TypeError that names its part: %s of %j", (option, wrong) => {
    const error = refusal(withWrong(wrong));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ option, message: expect.stringMatching(new RegExp(`^${option}: `)) });
  });

  it.each([undefined, null, "options", 5])("is also that there are no options: %j", (options) => {
    expect(() => validateOptions(options as unknown as DrainOptions)).toThrow(
      /^options: must be an object, not /,
    ); // wrong on purpose
  });
});

describe("a number out of its range", () => {
  const table: [option: string, value: number][] = [
    ["batch", 0],
    ["batch", 1_000_001],
    ["batch", 1.5],
    ["batch", Number.NaN],
    ["maxBytes", 0],
    ["maxBytes", 0.5],
    ["fetches", 0],
    ["fetches", -1],
    ["fetches", Number.POSITIVE_INFINITY],
    ["concurrency", 0],
    ["concurrency", 10_001],
    ["maxWaitMs", -1],
    ["maxWaitMs", Number.POSITIVE_INFINITY],
    ["heartbeatMs", 49],
    ["pingIntervalMs", 999],
    ["heartbeatMs", Number.NaN],
    ["connectTimeoutMs", 0],
    ["settleTimeoutMs", 0.5],
  ];
  it.each(table)("is a RangeError that names it: %s %d", (option, value) => {
    const error = refusal(withWrong({ [option]: value }));
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ code: "SLUICE_INVALID_OPTION", option });
    expect(error.message).toMatch(new RegExp(`^${option}: .*not ${value}$`));
  });

  it.each([0, 1.5])("is one too where it is nested: deadLetter.maxDeliveries %d", (maxDeliveries) => {
    const error = refusal(withWrong({ deadLetter: { subject: "dead", maxDeliveries } }));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toMatch(new RegExp(`^deadLetter.maxDeliveries: .*not ${maxDeliveries}$`));
  });
});

describe("a secret", () => {
  const wrong: Readonly<Record<string, unknown>>[] = [
    { servers: "wss://user:hunter2@nats.example.com" },
    { servers: "wss://hunter2@nats.example.com" },
    { servers: ["ws://127.0.0.1", "ws://:hunter2@nats.example.com"] },
    { servers: "nats://user:hunter2@nats.example.com" },
    { servers: "user:hunter2@nats.example.com" },
    { servers: "//user:hunter2@nats.example.com" },
    { auth: "hunter2" },
    { auth: ["hunter2"] },
    { auth: { tokne: "hunter2" } },
    { auth: { user: "", password: "hunter2" } },
    { auth: { nkeySeed: "hunter2" } },
    { auth: { creds: "hunter2" } },
    { headers: "Authorization: hunter2" },
    { headers: { Authorization: ["hunter2"] } },
  ];
  it.each(wrong)("is not quoted by the error: %j", (options) => {
    const error = refusal(withWrong(options));
    expect(error.message).not.toContain("hunter2");
    expect(error.message).toMatch(/^(servers|auth|headers)/);
  });

  it.each(["wss://user:hunter2@nats.example.com", "wss://token@nats.example.com"])(
    "does not belong in the URL, where nats-core would drop it: %s",
    (servers) => {
      expect(refusal(withWrong({ servers })).message).toBe(
        "servers: credentials do not belong in the URL of nats.example.com; give them as auth",
      );
    },
  );
});

describe("defineDrain", () => {
  const run = (drain: Drain): ReturnType<Drain["run"]> => drain.run({ limitMs: 10_000 });

  it("throws at once for wrong options", () => {
    expect(() => defineDrain(withWrong({ batch: 0 }))).toThrow(RangeError);
    expect(() => defineDrain(withWrong({ stream: undefined }))).toThrow(TypeError);
  });

  it("reports wrong options of a function, which it knows only when it runs", async () => {
    const drain = defineDrain(() => withWrong({ batch: 0 }));
    expect(await run(drain)).toMatchObject({
      outcome: "fatal",
      reason: "invalid-options",
      message: expect.stringContaining("batch: must be a whole number from 1 to 1000000, not 0"),
      fetched: 0,
    });
  });

  it("makes the options of a function from the bindings of each run", async () => {
    const drain = defineDrain<{ readonly batch: number }>(({ batch }) => withWrong({ batch }));
    const { message } = await drain.run({ env: { batch: -7 }, limitMs: 10_000 });
    expect(message).toContain("not -7");
  });

  it("passes on what the options function itself throws", async () => {
    const drain = defineDrain((): DrainOptions => {
      throw new Error("no such binding");
    });
    await expect(run(drain)).rejects.toThrow("no such binding");
  });

  it.each([{ limitMs: 10 }, { limitMs: Number.NaN }, { remainingMs: () => 10 }])(
    "reports a limit that is too small, and names the least: %o",
    async (limit) => {
      expect(await defineDrain(RIGHT).run(limit)).toMatchObject({
        outcome: "fatal",
        reason: "invalid-options",
        message: expect.stringContaining(`at least ${MIN_LIMIT_MS} ms`),
      });
    },
  );
});

describe("an option that is none", () => {
  it.each([
    ["handlerTimeout", "handlerTimeoutMs"],
    ["maxWait", "maxWaitMs"],
    ["batchsize", "batch"],
    ["conurrency", "concurrency"],
    ["deadletter", "deadLetter"],
    ["server", "servers"],
  ])("%s is a TypeError that names the nearest, %s", (name, nearest) => {
    const options = {
      servers: "wss://nats.example.com",
      stream: "S",
      consumer: "c",
      handler: () => {},
      [name]: 5,
    };
    expect(() => defineDrain(options)).toThrow(`${name}: is no option; the nearest is ${nearest}`);
    expect(() => defineDrain(options)).toThrow(TypeError);
  });

  it.each([
    [
      "deadLetter.maxDelivery",
      "deadLetter.maxDeliveries",
      { deadLetter: { subject: "dlq", maxDelivery: 3 } },
    ],
    [
      "priorityGroup.minpending",
      "priorityGroup.minPending",
      { priorityGroup: { group: "a", minpending: 9 } },
    ],
    ["history.buckets", "history.bucket", { history: { bucket: "drains", buckets: 2 } }],
  ])("%s, inside of an option, is a TypeError that names the nearest, %s", (name, nearest, given) => {
    const options = { servers: "wss://nats.example.com", stream: "S", consumer: "c", handler: () => {} };
    const define = () => defineDrain(Object.assign(options, given));
    expect(define).toThrow(`${name}: is no option; the nearest is ${nearest}`);
    expect(define).toThrow(TypeError);
  });
});
