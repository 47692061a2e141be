// The Worker's vars: each mistake is told by the var's name, and no secret is ever quoted.
import { describe, expect, it } from "vitest";
import { MIN_LIMIT_MS } from "../../src/budget.ts";
import { limitMsOf, readConfig } from "../../src/vars/config.ts";
import { drainToken } from "../../src/vars/drain-token.ts";
import type { Target, Vars } from "../../src/vars/vars.ts";

const MIN_VARS: Vars = {
  NATS_URL: "wss://nats.example.com",
  NATS_STREAM: "ORDERS",
  NATS_CONSUMER: "billing",
  TARGET_URL: "https://example.com/events",
};
const SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"; // the example of nkeys' documentation
const CREDS = [
  "-----BEGIN NATS USER JWT-----",
  "e30.e30.e30",
  "------END NATS USER JWT------",
  "-----BEGIN USER NKEY SEED-----",
  SEED,
  "------END USER NKEY SEED------",
  "",
].join("\n");
const TARGET: Target = { fetch: () => Promise.resolve(new Response()) };

function refusal(read: () => unknown): Error {
  try {
    read();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was refused");
}

/** What a drain gets that no var says. */
const PRESET = {
  servers: ["wss://nats.example.com"],
  stream: "ORDERS",
  consumer: "billing",
  stopAfterFailures: 5,
};
const ALWAYS = ["traceparent", "tracestate", "baggage"];

describe("the configuration", () => {
  it("needs four vars, and leaves nearly everything else to the drain's defaults", () => {
    expect(readConfig(MIN_VARS)).toEqual({
      options: PRESET,
      target: undefined,
      targetUrl: "https://example.com/events",
      forwardHeaders: ALWAYS,
      limitMs: undefined,
      drains: 1,
    });
  });

  it("takes every var, with the spaces that pasting leaves around it", () => {
    const all: Vars = {
      ...MIN_VARS,
      NATS_URL: " wss://nats.example.com:8443/ws, wss://other.example.com,\n",
      NATS_STREAM: " ORDERS ",
      NATS_TOKEN: "t0ken\n",
      BATCH: "500",
      CONCURRENCY: "6",
      MAX_WAIT_MS: "0",
      LIMIT_MS: "25000",
      FETCHES: " 10 ",
      UNTIL: "limit",
      DRAINS: "4",
      HANDLER_TIMEOUT_MS: "2500",
      STOP_AFTER_FAILURES: "20",
      DEAD_LETTER_SUBJECT: "dead.orders",
      MAX_DELIVERIES: "5",
      FORWARD_HEADERS: "X-Tenant, x-region",
      NATS_INBOX_PREFIX: "_INBOX_sluice",
      NATS_DOMAIN: "hub",
      HISTORY_BUCKET: "drains",
      ALLOW_INSECURE: "true",
      TARGET,
    };
    expect(readConfig(all)).toEqual({
      options: {
        servers: ["wss://nats.example.com:8443/ws", "wss://other.example.com"],
        auth: { token: "t0ken" },
        stream: "ORDERS",
        consumer: "billing",
        batch: 500,
        concurrency: 6,
        maxWaitMs: 0,
        fetches: 10,
        until: "limit",
        handlerTimeoutMs: 2_500,
        stopAfterFailures: 20,
        deadLetter: { subject: "dead.orders", maxDeliveries: 5 },
        inboxPrefix: "_INBOX_sluice",
        domain: "hub",
        history: { bucket: "drains" },
        allowInsecure: true,
      },
      target: TARGET,
      targetUrl: "https://example.com/events",
      forwardHeaders: [...ALWAYS, "x-tenant", "x-region"],
      limitMs: 25_000,
      drains: 4,
    });
  });

  it("takes an empty var for one that is not set", () => {
    const empty: Vars = {
      ...MIN_VARS,
      BATCH: "",
      NATS_TOKEN: " ",
      DEAD_LETTER_SUBJECT: "",
      MAX_DELIVERIES: "",
    };
    expect(readConfig(empty)).toEqual(readConfig(MIN_VARS));
  });

  it("takes a number that wrangler.toml has without quotes", () => {
    const unquoted = { ...MIN_VARS, BATCH: 500 } as unknown as Vars; // wrangler passes it on as a number
    expect(readConfig(unquoted).options.batch).toBe(500);
  });

  it("needs no TARGET_URL where a service binding is the target", () => {
    expect(readConfig({ ...MIN_VARS, TARGET_URL: undefined, TARGET })).toMatchObject({
      target: TARGET,
      targetUrl: "https://target/",
    });
  });

  it.each([
    [{ NATS_TOKEN: "t" }, { token: "t" }],
    [
      { NATS_USER: "u", NATS_PASSWORD: "p" },
      { user: "u", password: "p" },
    ],
    [{ NATS_CREDS: CREDS }, { creds: CREDS.trim() }],
    [{ NATS_CREDS: CREDS.replaceAll("\n", "\\n") }, { creds: CREDS.replaceAll("\n", "\\n") }],
    [{ NATS_NKEY_SEED: SEED }, { nkeySeed: SEED }],
  ])("reads the credentials %j", (secrets, auth) => {
    expect(readConfig({ ...MIN_VARS, ...secrets }).options.auth).toEqual(auth);
  });

  it("allows every limit that a drain does", () => {
    expect(readConfig({ ...MIN_VARS, LIMIT_MS: String(MIN_LIMIT_MS) }).limitMs).toBe(MIN_LIMIT_MS);
    expect(() => readConfig({ ...MIN_VARS, LIMIT_MS: String(MIN_LIMIT_MS - 1) })).toThrow(RangeError);
  });
});

describe("TARGET_URL", () => {
  it.each(["http://localhost:8787/events", "http://127.0.0.1/", "http://[::1]:80/", "http://api.localhost/"])(
    "may be unencrypted on this machine: %s",
    (TARGET_URL) => {
      expect(readConfig({ ...MIN_VARS, TARGET_URL }).targetUrl).toBe(TARGET_URL);
    },
  );

  it("may be unencrypted elsewhere where that is allowed, or where a service binding is the target", () => {
    const TARGET_URL = "http://example.com/events";
    expect(readConfig({ ...MIN_VARS, TARGET_URL, ALLOW_INSECURE: "true" }).targetUrl).toBe(TARGET_URL);
    expect(readConfig({ ...MIN_VARS, TARGET_URL, TARGET }).targetUrl).toBe(TARGET_URL);
  });
});

describe("a mistake in", () => {
  const credentials = "NATS_TOKEN, NATS_USER, NATS_CREDS, NATS_NKEY_SEED";
  const table: [name: string, wrong: Vars, said: string][] = [
    ["NATS_URL", { NATS_URL: undefined }, "is not set"],
    ["NATS_URL", { NATS_URL: "  " }, "is not set"],
    ["NATS_URL", { NATS_URL: "," }, "wss://nats.example.com"],
    ["NATS_URL", { NATS_URL: "nats.example.com" }, "wss://"],
    ["NATS_URL", { NATS_URL: "nats://nats.example.com" }, "wss://"],
    ["NATS_URL", { NATS_URL: "wss://a.example.com, nats://b.example.com" }, "wss://"],
    ["NATS_URL", { NATS_URL: "ws://nats.example.com" }, "allowInsecure"],
    ["NATS_URL", { NATS_URL: "wss://u:p@nats.example.com" }, "credentials"],
    ["NATS_STREAM", { NATS_STREAM: undefined }, "is not set"],
    ["NATS_STREAM", { NATS_STREAM: "OR.DERS" }, "must have no space"],
    ["NATS_CONSUMER", { NATS_CONSUMER: "" }, "is not set"],
    ["NATS_CONSUMER", { NATS_CONSUMER: "bill ing" }, "must have no space"],
    ["TARGET_URL", { TARGET_URL: undefined }, "TARGET"],
    ["TARGET_URL", { TARGET_URL: "example.com/events" }, "https://example.com/events"],
    ["TARGET_URL", { TARGET_URL: "ftp://example.com" }, "https://example.com/events"],
    ["TARGET_URL", { TARGET_URL: "https://u:p@example.com" }, "user or password"],
    ["TARGET_URL", { TARGET_URL: "http://example.com" }, "ALLOW_INSECURE"],
    ["TARGET_URL", { TARGET_URL: "http://127.0.0.1.example.com" }, "ALLOW_INSECURE"],
    ["TARGET_URL", { TARGET_URL: "http://localhost.example.com" }, "ALLOW_INSECURE"],
    ["BATCH", { BATCH: "0" }, "1 to 1000000"],
    ["BATCH", { BATCH: "1e3" }, "digits only"],
    ["BATCH", { BATCH: "1000001" }, "1 to 1000000"],
    ["CONCURRENCY", { CONCURRENCY: "many" }, "digits only"],
    ["CONCURRENCY", { CONCURRENCY: "10001" }, "1 to 10000"],
    ["MAX_WAIT_MS", { MAX_WAIT_MS: "-1" }, "digits only"],
    ["MAX_WAIT_MS", { MAX_WAIT_MS: "1.5" }, "digits only"],
    ["LIMIT_MS", { LIMIT_MS: "100" }, `${MIN_LIMIT_MS} to 900000`],
    ["LIMIT_MS", { LIMIT_MS: "30s" }, "digits only"],
    ["FETCHES", { FETCHES: "0" }, "1 to 1000000"],
    ["UNTIL", { UNTIL: "forever" }, "empty, limit"],
    ["DRAINS", { DRAINS: "0" }, "1 to 32"],
    ["DRAINS", { DRAINS: "33" }, "1 to 32"],
    ["HANDLER_TIMEOUT_MS", { HANDLER_TIMEOUT_MS: "0" }, "at least 1 ms"],
    ["STOP_AFTER_FAILURES", { STOP_AFTER_FAILURES: "0" }, "from 1"],
    ["DEAD_LETTER_SUBJECT", { DEAD_LETTER_SUBJECT: "dead.>" }, "without wildcards"],
    ["DEAD_LETTER_SUBJECT", { MAX_DELIVERIES: "5" }, "MAX_DELIVERIES needs it"],
    ["MAX_DELIVERIES", { DEAD_LETTER_SUBJECT: "dead", MAX_DELIVERIES: "0" }, "from 1"],
    ["FORWARD_HEADERS", { FORWARD_HEADERS: "X Tenant" }, "header names"],
    ["FORWARD_HEADERS", { FORWARD_HEADERS: "__proto__" }, "header names"],
    ["FORWARD_HEADERS", { FORWARD_HEADERS: "X-Tenant,Content-Length" }, "frames the request"],
    ["FORWARD_HEADERS", { FORWARD_HEADERS: "ce-natssequence" }, "sets itself"],
    ["FORWARD_HEADERS", { FORWARD_HEADERS: "Idempotency-Key" }, "sets itself"],
    ["NATS_INBOX_PREFIX", { NATS_INBOX_PREFIX: "inbox.>" }, "without wildcards"],
    ["NATS_DOMAIN", { NATS_DOMAIN: "hub.leaf" }, "must have no space"],
    ["HISTORY_BUCKET", { HISTORY_BUCKET: "a.b" }, "must have no space"],
    ["ALLOW_INSECURE", { ALLOW_INSECURE: "yes" }, "true or false"],
    ["NATS_PASSWORD", { NATS_USER: "u" }, "is not set"],
    ["NATS_USER", { NATS_PASSWORD: "p" }, "is not set"],
    ["NATS_CREDS", { NATS_CREDS: "-----BEGIN NATS USER JWT-----" }, "seed is missing"],
    ["NATS_NKEY_SEED", { NATS_NKEY_SEED: "SUAAA" }, "seed of a user nkey"],
    [credentials, { NATS_TOKEN: "t", NATS_USER: "u", NATS_PASSWORD: "p" }, "one kind"],
    [credentials, { NATS_TOKEN: "t", NATS_CREDS: CREDS }, "one kind"],
    [credentials, { NATS_CREDS: CREDS, NATS_PASSWORD: "p" }, "one kind"],
    [credentials, { NATS_NKEY_SEED: SEED, NATS_TOKEN: "t" }, "one kind"],
  ];
  it.each(table)("%s is told by its name, without its value: %j", (name, wrong, said) => {
    const error = refusal(() => readConfig({ ...MIN_VARS, ...wrong }));
    expect(error).toMatchObject({ code: "SLUICE_INVALID_OPTION", option: name });
    expect(error.message.startsWith(`${name}: `)).toBe(true);
    expect(error.message).toContain(said);
    for (const value of Object.values(wrong))
      expect(error.message).not.toContain(JSON.stringify(value) ?? ", not ");
  });

  it("LIMIT_MS leaves the trigger's own, so that the drain can report it", () => {
    expect(limitMsOf({ ...MIN_VARS, LIMIT_MS: "30000" })).toBe(30_000);
    expect(limitMsOf({ ...MIN_VARS, LIMIT_MS: "30s" })).toBeUndefined();
  });
});

describe("a secret", () => {
  const table: Vars[] = [
    { NATS_URL: "wss://u:hunter2@nats.example.com" },
    { NATS_URL: "nats://u:hunter2@nats.example.com" },
    { NATS_URL: "u:hunter2@nats.example.com" },
    { TARGET_URL: "https://u:hunter2@example.com" },
    { TARGET_URL: "hunter2@example.com" },
    { NATS_CREDS: "hunter2" },
    { NATS_NKEY_SEED: "hunter2" },
    { NATS_URL: "nats://nats.example.com/?token=hunter2" },
    { NATS_URL: "wss://ok.example.com,hunter2" },
    { TARGET_URL: "http://example.com/?key=hunter2" },
    { NATS_STREAM: "hunter2.hunter2" },
    { BATCH: "hunter2" },
    { UNTIL: "hunter2" },
    { ALLOW_INSECURE: "hunter2" },
    { FORWARD_HEADERS: "hunter2 hunter2" },
    { NATS_TOKEN: "hunter2", NATS_USER: "hunter2", NATS_PASSWORD: "hunter2" },
    { NATS_PASSWORD: "hunter2" },
    { NATS_USER: "hunter2" },
  ];
  it.each(table)("is not quoted by the error: %j", (wrong) => {
    expect(refusal(() => readConfig({ ...MIN_VARS, ...wrong })).message).not.toContain("hunter2");
  });
});

describe("DRAIN_TOKEN", () => {
  it.each(["0123456789abcdef", "AZaz09._~+/-AZaz", "YmFzZTY0YmFzZTY0=="])(
    "may be a bearer token: %s",
    (token) => {
      expect(drainToken({ DRAIN_TOKEN: token })).toBe(token);
    },
  );

  it("is read without the spaces around it", () => {
    expect(drainToken({ DRAIN_TOKEN: " 0123456789abcdef\n" })).toBe("0123456789abcdef");
  });

  it.each([
    ...[
      undefined,
      "",
      "  ",
      "two words of many",
      "ümlaut-ümlaut-ümlaut",
      "=first-0123456789",
      'quo"te-0123456789',
    ],
    ...[
      "a",
      "0123456789abcde",
      "change-me",
      "Change_Me-0123456789",
      "your-token-0123456789",
      "placeholder-12345",
    ],
  ])("cannot be %j, and is not quoted", (DRAIN_TOKEN) => {
    const { message } = refusal(() => drainToken({ DRAIN_TOKEN }));
    expect(message).toMatch(/^DRAIN_TOKEN: (is not set|may have|must have at least 16|is an example's)/);
    if (DRAIN_TOKEN !== undefined && DRAIN_TOKEN.trim().length > 1)
      expect(message).not.toContain(DRAIN_TOKEN);
  });
});
