// The vars that doctor reads: each that the Worker would refuse, or end every drain for, is named.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { readSettings } from "../../src/cli/doctor/settings.ts";
import { passedOver, readVars, SettingsError } from "../../src/cli/doctor/vars.ts";
import { readWorker } from "../../src/cli/doctor/worker.ts";
import type { Vars } from "../../src/vars/vars.ts";

const SOUND: Vars = {
  NATS_URL: "wss://localhost",
  NATS_STREAM: "S",
  NATS_CONSUMER: "c",
  TARGET_URL: "https://localhost",
};

/** What is wrong with these beside those that are sound. */
function problems(vars: Vars): readonly string[] {
  try {
    readVars({ ...SOUND, ...vars });
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

it.each<[Vars, string]>([
  [{ BATCH: "0" }, "BATCH must be a whole number from 1"],
  [{ FETCHES: "0" }, "FETCHES must be"],
  [{ CONCURRENCY: "0" }, "CONCURRENCY must be"],
  [{ MAX_WAIT_MS: "soon" }, "MAX_WAIT_MS must be a whole number"],
  [{ HANDLER_TIMEOUT_MS: "0" }, "HANDLER_TIMEOUT_MS must be"],
  [{ STOP_AFTER_FAILURES: "0" }, "STOP_AFTER_FAILURES must be"],
  [{ UNTIL: "noon" }, "UNTIL must be one of empty, limit"],
  [{ DRAINS: "33" }, "DRAINS must be a whole number from 1 to 32"],
  [{ LIMIT_MS: "100" }, "LIMIT_MS must be a whole number from 450"],
  [{ DEAD_LETTER_SUBJECT: "dlq.x", MAX_DELIVERIES: "0" }, "MAX_DELIVERIES must be"],
  [{ DEAD_LETTER_SUBJECT: "dlq.>" }, "DEAD_LETTER_SUBJECT must be"],
  [{ MAX_DELIVERIES: "5" }, "DEAD_LETTER_SUBJECT is not set, and MAX_DELIVERIES needs it"],
  [{ FORWARD_HEADERS: "X-Tenant; X-Region" }, "FORWARD_HEADERS must be a comma list of header names"],
  [{ FORWARD_HEADERS: "X-Tenant,Host" }, "FORWARD_HEADERS has a name that frames the request"],
  [{ DRAIN_TOKEN: "s3cret" }, "DRAIN_TOKEN must have at least 16 characters"],
  [{ DRAIN_TOKEN: "s3cret s3cret s3cret" }, "DRAIN_TOKEN may have letters, digits"],
  [{ DRAIN_TOKEN: "s3cret-s3cret\ns3cret-s3cret" }, "DRAIN_TOKEN may have letters, digits"],
  [{ DRAIN_TOKEN: "s3cret-change-me-please" }, "DRAIN_TOKEN is an example's"],
  [{ TARGET_URL: "s3cret.example.com" }, "TARGET_URL must be a URL"],
  [{ TARGET_URL: "https://me:s3cret@example.com" }, "TARGET_URL must not hold a user or password"],
  [{ TARGET_URL: "http://s3cret.example.com" }, "TARGET_URL must be https://"],
  [{ ALLOW_INSECURE: "yes" }, "ALLOW_INSECURE must be true or false"],
  [{ NATS_NKEY_SEED: "SUs3cret" }, "NATS_NKEY_SEED is no seed of a user nkey"],
  [{ NATS_CREDS: "s3cret" }, "NATS_CREDS is not the text of a .creds file"],
  [{ NATS_TOKEN: "s3cret", NATS_USER: "me", NATS_PASSWORD: "s3cret" }, "NATS_TOKEN, NATS_USER, NATS_CREDS"],
  [{ NATS_USER: "s3cret" }, "NATS_PASSWORD is not set"],
  [{ NATS_DOMAIN: "a.b" }, "NATS_DOMAIN must have no space, dot"],
  [{ NATS_INBOX_PREFIX: "a b" }, "NATS_INBOX_PREFIX must"],
  [{ HISTORY_BUCKET: "a.b" }, "HISTORY_BUCKET must"],
])("readVars names what is wrong in %j, once and without its value", (vars, problem) => {
  const told = problems(vars);
  expect(told).toEqual([expect.stringContaining(problem)]);
  expect(told.join()).not.toContain("s3cret");
});

it("readVars names all that is wrong at once, in the Worker's order", () => {
  const vars = {
    BATCH: "many",
    LIMIT_MS: "1",
    UNTIL: "noon",
    MAX_DELIVERIES: "0",
    FORWARD_HEADERS: "a b",
    NATS_TOKEN: "t",
    NATS_CREDS: "c",
    DRAIN_TOKEN: "short",
    TARGET_URL: "ftp://localhost",
  };
  const named = problems(vars).map((problem) => problem.replace(/ (must|is|are|has|may) .*/, ""));
  expect(named.toSorted()).toEqual([
    "BATCH",
    "DEAD_LETTER_SUBJECT",
    "DRAIN_TOKEN",
    "FORWARD_HEADERS",
    "LIMIT_MS",
    "MAX_DELIVERIES",
    "NATS_TOKEN, NATS_USER, NATS_CREDS, NATS_NKEY_SEED",
    "TARGET_URL",
    "UNTIL",
  ]);
});

it("readVars passes what the Worker takes", () => {
  const vars = { BATCH: "500", UNTIL: "limit", DRAINS: "4", LIMIT_MS: "55000", DEAD_LETTER_SUBJECT: "dlq.x" };
  expect(problems({ ...vars, DRAIN_TOKEN: "0123456789abcdef", FORWARD_HEADERS: "X-Tenant" })).toEqual([]);
  expect(problems({})).toEqual([]);
});

const WORKER = {
  betweenRunsMs: undefined,
  bindsTarget: false,
  isDeployable: true,
  hasSecrets: false,
  idleQueues: [],
};

it("passedOver tells of a var's name that is nearly right, and of no other", () => {
  const vars = { MAX_DELIVER: "5", CONCURENCY: "6", BATCH: "5", BATCHES: "5", LOG_LEVEL: "debug" };
  expect(passedOver({ ...WORKER, vars }).map(({ message }) => message)).toEqual([
    "The Worker has no var MAX_DELIVER, and reads nothing from it. Did you mean MAX_DELIVERIES?",
    "The Worker has no var CONCURENCY, and reads nothing from it. Did you mean CONCURRENCY?",
  ]);
  expect(passedOver({ ...WORKER, vars, isDeployable: false })).toEqual([]);
});

it("passedOver tells of a DRAINS_QUEUE that the Worker feeds and does not consume", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-vars-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const main = 'main = "src/worker/index.ts"';
  const producer = '[[queues.producers]]\nbinding = "DRAINS_QUEUE"\nqueue = "drains"';
  const codes = async (...lines: string[]) => {
    await writeFile(join(folder, "wrangler.toml"), lines.join("\n"));
    return passedOver(await readWorker(folder, undefined)).map(({ code }) => code);
  };
  expect(await codes(main, producer)).toEqual(["queue-not-consumed"]);
  expect(await codes(main, producer, '[[queues.consumers]]\nqueue = "drains"')).toEqual([]);
  expect(await codes(main)).toEqual([]);
});

it("passedOver tells of a DRAIN_TOKEN that is missing among the Worker's secrets, where these are known", () => {
  const known = { ...WORKER, hasSecrets: true };
  expect(passedOver({ ...known, vars: { NATS_TOKEN: "t" } })).toMatchObject([{ code: "drain-token" }]);
  expect(passedOver({ ...known, vars: { DRAIN_TOKEN: "0123456789abcdef" } })).toEqual([]);
  expect(passedOver({ ...WORKER, vars: {} })).toEqual([]);
});

it.each([
  ["src/worker/index.ts", undefined, false],
  ["src/worker/with-dashboard.ts", undefined, false],
  ["src/worker/index.ts", "services = [{ binding = 'TARGET', service = 'orders' }]", true],
  ["src/worker/index.ts", "vars.TARGET_URL = 'https://example.com/events'", true],
  // A Worker of one's own handles its messages itself.
  ["src/index.ts", undefined, true],
])(
  "readSettings of a Worker whose main is %s, with %s: it is whole: %s",
  async (main, more = "", isWhole) => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-vars-test-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const vars = 'vars.NATS_URL = "wss://localhost"\nvars.NATS_STREAM = "S"\nvars.NATS_CONSUMER = "c"\n';
    await writeFile(join(folder, "wrangler.toml"), `main = "${main}"\n${vars}${more}\n`);
    const read = readSettings({ worker: folder });
    if (isWhole) await expect(read).resolves.toMatchObject({ stream: "S", consumer: "c" });
    else await expect(read).rejects.toThrow("TARGET_URL is not set, and there is no service binding TARGET");
  },
);
