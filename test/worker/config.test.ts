// The Worker's vars: each mistake is told by the var's name, and no secret is ever quoted.
import { describe, expect, it } from "vitest";
import { LEAST_LIMIT_MS } from "../../src/budget.ts";
import { checkDrainToken, readConfig, type Target, type Vars } from "../../src/worker/config.ts";

const LEAST: Vars = {
  NATS_URL: "wss://nats.example.com",
  NATS_STREAM: "ORDERS",
  NATS_CONSUMER: "billing",
  TARGET_URL: "https://example.com/events",
};
const CREDS =
  "-----BEGIN NATS USER JWT-----\ne30.e30.e30\n------END NATS USER JWT------\n-----BEGIN USER NKEY SEED-----\nSUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY\n------END USER NKEY SEED------\n";
const TARGET: Target = { fetch: () => Promise.resolve(new Response()) };

function refusal(read: () => unknown): Error {
  try {
    read();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was refused");
}

describe("the configuration", () => {
  it("needs four vars, and leaves everything else to the drain's defaults", () => {
    expect(readConfig(LEAST)).toEqual({
      server: "wss://nats.example.com",
      auth: undefined,
      stream: "ORDERS",
      consumer: "billing",
      target: undefined,
      targetUrl: "https://example.com/events",
      batch: undefined,
      concurrency: undefined,
      maxWaitMs: undefined,
      limitMs: undefined,
      fetches: undefined,
      deadLetter: undefined,
    });
  });

  it("takes every var, with the spaces that pasting leaves around it", () => {
    const all: Vars = {
      ...{
        ...LEAST,
        NATS_URL: " wss://nats.example.com:8443/ws\n",
        NATS_STREAM: " ORDERS ",
        NATS_TOKEN: "t0ken\n",
      },
      ...{ BATCH: "500", CONCURRENCY: "6", MAX_WAIT_MS: "0", LIMIT_MS: "25000", FETCHES: " 10 " },
      ...{ DEAD_LETTER_SUBJECT: "dead.orders", MAX_DELIVERIES: "5", TARGET },
    };
    expect(readConfig(all)).toEqual({
      server: "wss://nats.example.com:8443/ws",
      auth: { token: "t0ken" },
      stream: "ORDERS",
      consumer: "billing",
      target: TARGET,
      targetUrl: "https://example.com/events",
      batch: 500,
      concurrency: 6,
      maxWaitMs: 0,
      limitMs: 25_000,
      fetches: 10,
      deadLetter: { subject: "dead.orders", maxDeliveries: 5 },
    });
  });

  it("takes an empty var for one that is not set", () => {
    const empty: Vars = { ...LEAST, BATCH: "", NATS_TOKEN: " ", DEAD_LETTER_SUBJECT: "", MAX_DELIVERIES: "" };
    expect(readConfig(empty)).toEqual(readConfig(LEAST));
  });

  it("takes a number that wrangler.toml has without quotes", () => {
    const unquoted = { ...LEAST, BATCH: 500 } as unknown as Vars; // wrangler passes it on as a number
    expect(readConfig(unquoted).batch).toBe(500);
  });

  it("needs no TARGET_URL where a service binding is the target", () => {
    expect(readConfig({ ...LEAST, TARGET_URL: undefined, TARGET })).toMatchObject({
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
  ])("reads the credentials %j", (secrets, auth) => {
    expect(readConfig({ ...LEAST, ...secrets }).auth).toEqual(auth);
  });

  it("allows every limit that a drain does", () => {
    expect(readConfig({ ...LEAST, LIMIT_MS: String(LEAST_LIMIT_MS) }).limitMs).toBe(LEAST_LIMIT_MS);
    expect(() => readConfig({ ...LEAST, LIMIT_MS: String(LEAST_LIMIT_MS - 1) })).toThrow(RangeError);
  });
});

describe("a mistake in", () => {
  const table: [name: string, wrong: Vars, said: string][] = [
    ["NATS_URL", { NATS_URL: undefined }, "is not set"],
    ["NATS_URL", { NATS_URL: "  " }, "is not set"],
    ["NATS_URL", { NATS_URL: "nats.example.com" }, "wss://nats.example.com"],
    ["NATS_URL", { NATS_URL: "nats://nats.example.com" }, "wss://nats.example.com"],
    ["NATS_URL", { NATS_URL: "wss://u:p@nats.example.com" }, "user or password"],
    ["NATS_STREAM", { NATS_STREAM: undefined }, "is not set"],
    ["NATS_STREAM", { NATS_STREAM: "OR.DERS" }, '"OR.DERS"'],
    ["NATS_CONSUMER", { NATS_CONSUMER: "" }, "is not set"],
    ["NATS_CONSUMER", { NATS_CONSUMER: "bill ing" }, '"bill ing"'],
    ["TARGET_URL", { TARGET_URL: undefined }, "TARGET"],
    ["TARGET_URL", { TARGET_URL: "example.com/events" }, "https://example.com/events"],
    ["TARGET_URL", { TARGET_URL: "ftp://example.com" }, "https://example.com/events"],
    ["TARGET_URL", { TARGET_URL: "https://u:p@example.com" }, "user or password"],
    ["BATCH", { BATCH: "0" }, '1 to 1000000, not "0"'],
    ["BATCH", { BATCH: "1e3" }, 'not "1e3"'],
    ["BATCH", { BATCH: "1000001" }, 'not "1000001"'],
    ["CONCURRENCY", { CONCURRENCY: "many" }, 'not "many"'],
    ["CONCURRENCY", { CONCURRENCY: "10001" }, "1 to 10000"],
    ["MAX_WAIT_MS", { MAX_WAIT_MS: "-1" }, 'not "-1"'],
    ["MAX_WAIT_MS", { MAX_WAIT_MS: "1.5" }, 'not "1.5"'],
    ["LIMIT_MS", { LIMIT_MS: "100" }, `${LEAST_LIMIT_MS} to 900000`],
    ["LIMIT_MS", { LIMIT_MS: "30s" }, 'not "30s"'],
    ["FETCHES", { FETCHES: "0" }, "1 to 1000000"],
    ["DEAD_LETTER_SUBJECT", { DEAD_LETTER_SUBJECT: "dead.>" }, '"dead.>"'],
    ["DEAD_LETTER_SUBJECT", { MAX_DELIVERIES: "5" }, "MAX_DELIVERIES needs it"],
    ["MAX_DELIVERIES", { DEAD_LETTER_SUBJECT: "dead", MAX_DELIVERIES: "0" }, 'not "0"'],
    ["NATS_PASSWORD", { NATS_USER: "u" }, "is not set"],
    ["NATS_USER", { NATS_PASSWORD: "p" }, "is not set"],
    ["NATS_CREDS", { NATS_CREDS: "-----BEGIN NATS USER JWT-----" }, "seed is missing"],
    [
      "NATS_CREDS, NATS_TOKEN, NATS_USER",
      { NATS_TOKEN: "t", NATS_USER: "u", NATS_PASSWORD: "p" },
      "one kind",
    ],
    ["NATS_CREDS, NATS_TOKEN, NATS_USER", { NATS_TOKEN: "t", NATS_CREDS: CREDS }, "one kind"],
    ["NATS_CREDS, NATS_TOKEN, NATS_USER", { NATS_CREDS: CREDS, NATS_PASSWORD: "p" }, "one kind"],
  ];
  it.each(table)("%s is told by its name: %j", (name, wrong, said) => {
    const error = refusal(() => readConfig({ ...LEAST, ...wrong }));
    expect(error).toMatchObject({ code: "SLUICE_INVALID_OPTION", option: name });
    expect(error.message.startsWith(`${name}: `)).toBe(true);
    expect(error.message).toContain(said);
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
    { NATS_TOKEN: "hunter2", NATS_USER: "hunter2", NATS_PASSWORD: "hunter2" },
    { NATS_PASSWORD: "hunter2" },
    { NATS_USER: "hunter2" },
  ];
  it.each(table)("is not quoted by the error: %j", (wrong) => {
    expect(refusal(() => readConfig({ ...LEAST, ...wrong })).message).not.toContain("hunter2");
  });
});

describe("DRAIN_TOKEN", () => {
  it.each(["t", "AZaz09._~+/-", "YmFzZTY0=="])("may be a bearer token: %s", (DRAIN_TOKEN) => {
    expect(() => checkDrainToken({ DRAIN_TOKEN })).not.toThrow();
  });

  it.each([undefined, "", "  ", "two words", "ümlaut", "=first", 'quo"te'])(
    "cannot be %j, which no caller could send, and is not quoted",
    (DRAIN_TOKEN) => {
      const { message } = refusal(() => checkDrainToken({ DRAIN_TOKEN }));
      expect(message).toMatch(/^DRAIN_TOKEN: (is not set|may have)/);
      if (DRAIN_TOKEN?.trim()) expect(message).not.toContain(DRAIN_TOKEN);
    },
  );
});
