// The README and docs/ say what the code does: their tables, their links, and their examples, which run.
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  DEFAULTS,
  type Drain,
  defineDrain,
  MIN_LIMIT_MS,
  planBudget,
  type Report,
  reject,
} from "../src/index.ts";
import { VAR_NAMES } from "../src/vars/vars.ts";
import { documentedOptions, GENERATED, readDocument, snippetsOf, withTables } from "./support/docs.ts";
import { labServer } from "./support/lab-client.ts";
import { ADMIN_USER_CONFIG } from "./support/nats.ts";

const root = new URL("..", import.meta.url).pathname;
const pages = readdirSync(join(root, "docs"))
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`);
const documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", ...pages];
// Inside the project, so that the examples' imports resolve as any test's do; git ignores it.
const folder = join(root, "test/.snippets/documents");

describe("the README", () => {
  const lines = readDocument("README.md").trimEnd().split("\n");

  test("has at most 170 lines of at most 110 columns", () => {
    expect(lines.length).toBeLessThanOrEqual(170);
    expect(lines.filter((line) => [...line].length > 110)).toEqual([]);
  });

  test("shows the defaults that docs/options.md has", () => {
    const documented = new Map(documentedOptions().map((option) => [option.name, option]));
    const section = /## The options that matter\n([\s\S]*?)\n## /.exec(lines.join("\n"))?.[1] ?? "";
    const rows = Array.from(section.matchAll(/^\| (`.+?) \| (.+?) \|/gm), ([, names = "", shown = ""]) => ({
      names: Array.from(names.matchAll(/`(\w+)`/g), ([, name = ""]) => name),
      shown: shown.replaceAll("`", ""),
    }));
    expect(rows).toHaveLength(8);
    for (const { names, shown } of rows) {
      for (const name of names) {
        const { isOptional, fallback = "" } = documented.get(name) ?? {};
        expect([name, isOptional ? fallback : "required"]).toEqual([name, expect.stringContaining(shown)]);
      }
    }
  });
});

describe("the documents", () => {
  test.each(GENERATED)("%s has the tables that the code gives (npm run docs)", (path) => {
    const text = readDocument(path);
    expect(text).toBe(withTables(text));
  });

  test("name each default of DEFAULTS, and of the budget, as it is", () => {
    const { connectMs, maxWaitMs, settleMs } = planBudget(600_000);
    const { heartbeatMs } = planBudget(600_000, { maxWaitMs: 60_000 });
    const constants = {
      ...DEFAULTS,
      connectTimeoutMs: connectMs,
      maxWaitMs,
      settleTimeoutMs: settleMs,
      heartbeatMs,
    };
    const fallbacks = new Map(documentedOptions().map(({ name, fallback }) => [name, fallback]));
    for (const [name, value] of Object.entries(constants))
      expect([name, fallbacks.get(name)]).toEqual([name, expect.stringContaining(JSON.stringify(value))]);
  });

  test("name scripts that package.json has", async () => {
    const { scripts } = (await import("../package.json", { with: { type: "json" } })).default;
    const all = documents.map(readDocument).join("\n");
    const named = Array.from(
      all.matchAll(/npm (?:run )?(start|test|[a-z]+:[a-z]+)\b/g),
      ([, name = ""]) => name,
    );
    expect(named.length).toBeGreaterThan(1);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });

  test("name every var and secret that the Worker reads", () => {
    expect(VAR_NAMES.length).toBeGreaterThan(20);
    const page = readDocument("docs/deploy.md");
    expect(VAR_NAMES.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  test("link to files that are there", () => {
    const broken = documents.flatMap((path) =>
      Array.from(readDocument(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g), ([, link = ""]) => link)
        .filter((link) => !existsSync(join(root, dirname(path), link)))
        .map((link) => `${path}: ${link}`),
    );
    expect(broken).toEqual([]);
  });
});

describe("an example of the documents", () => {
  const [plain = "", worker = ""] = snippetsOf("README.md");
  const [queues = ""] = snippetsOf("docs/queues.md");
  const [testing = ""] = snippetsOf("docs/testing.md");
  const [api = ""] = snippetsOf("docs/api.md");
  const load = async (name: string, code: string): Promise<Record<string, unknown>> => {
    const file = join(folder, `${name}.ts`);
    writeFileSync(file, code);
    return (await import(file)) as Record<string, unknown>;
  };

  beforeAll(() => mkdirSync(folder, { recursive: true }));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("has its test here, or in the test of its page", () => {
    const counts = Object.fromEntries(documents.map((path) => [path, snippetsOf(path).length]));
    const elsewhere = ["docs/platforms.md", "docs/operate.md"];
    const here = Object.entries(counts).filter(([path, count]) => count > 0 && !elsewhere.includes(path));
    expect(Object.fromEntries(here)).toEqual({
      "README.md": 2,
      "docs/api.md": 1,
      "docs/queues.md": 1,
      "docs/testing.md": 1,
    });
  });

  test("the Worker of one's own charges orders by cron, retries and rejects", async () => {
    const server = await labServer({
      authorization: "authorization { token: s3cret }",
      adminLogin: { token: "s3cret" },
    });
    await server.createStream("ORDERS");
    await server.createConsumer("ORDERS", "billing");
    await server.publish("ORDERS.new", 3, ['{"total":1}', '{"total":2}', "{}"]);
    const charged: string[] = [];
    const billing = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        charged.push(body);
        response.writeHead(body.includes("2") ? 429 : 200, { "Retry-After": "30" }).end();
      });
    }).listen(0, "127.0.0.1");
    await once(billing, "listening");
    const { port } = billing.address() as AddressInfo; // it listens on TCP
    const loaded = (await load(
      "worker",
      worker.replace("https://billing.example.com", `http://127.0.0.1:${port}`),
    )) as {
      default: { scheduled(controller: { noRetry(): void }, env: Record<string, string>): Promise<void> };
    };
    await loaded.default.scheduled({ noRetry: () => {} }, { NATS_URL: server.wsUrl, NATS_TOKEN: "s3cret" });
    billing.close();
    expect(charged).toEqual(['{"total":1}', '{"total":2}']);
    // One acked, one rejected, and one that waits for its 30 s.
    expect(await server.consumerState("ORDERS", "billing")).toMatchObject({ pending: 0, ackPending: 1 });
  });

  test("the plain call drains, and its report has the members that the README shows", async () => {
    const server = await labServer({ authorization: "authorization { }" });
    await server.createStream("ORDERS");
    await server.createConsumer("ORDERS", "billing");
    await server.publish("ORDERS.new", 2);
    const code = plain
      .replace("wss://nats.example.com", server.wsUrl)
      .replace("25_000", `${MIN_LIMIT_MS * 10}`);
    const { report } = await load("plain", `${code}\nexport { report };`);
    expect(report).toMatchObject({ outcome: "completed", reason: "empty", acked: 2 });
    const shown = /```js\n([\s\S]*?)```/.exec(readDocument("README.md"))?.[1] ?? "";
    const { default: printed } = await load("report", `export default (${shown});`);
    expect(Object.keys(report as Report).sort()).toEqual(Object.keys(printed as Report).sort());
  });

  test("the drain of the API's page publishes what it handles", async () => {
    const server = await labServer({ authorization: "authorization { }" });
    await server.createStream("ORDERS");
    await server.createStream("billed");
    await server.createConsumer("ORDERS", "billing");
    await server.publish("ORDERS.new", 2, ['{"total":1}', '{"total":2}']);
    const { drainOrders } = (await load("api", api)) as {
      drainOrders(env: { NATS_URL: string }): Promise<Report>;
    };
    expect(await drainOrders({ NATS_URL: server.wsUrl })).toMatchObject({ outcome: "completed", acked: 2 });
  });

  test("the user of docs/deploy.md can do what a drain does, and no more", async () => {
    const block = /```\n(accounts \{[\s\S]*?)```/.exec(readDocument("docs/deploy.md"))?.[1] ?? "";
    const server = await labServer({
      authorization: block
        .replace("$SLUICE_PASSWORD", "drain-pw")
        .replace("users: [", `$&${ADMIN_USER_CONFIG},`),
    });
    await server.createStream("EVENTS");
    await server.createStream("DEAD", { subjects: ["dead.events"] });
    await server.createConsumer("EVENTS", "sluice");
    await server.publish("EVENTS.new", 2, ["good", "bad"]);
    const drain = defineDrain({
      servers: server.wsUrl,
      auth: { user: "sluice", password: "drain-pw" },
      inboxPrefix: "_INBOX_sluice",
      stream: "EVENTS",
      consumer: "sluice",
      deadLetter: { subject: "dead.events" },
      handler: async (message, { publish }) => {
        if (message.sequence === 1) await expect(publish("EVENTS.other", "")).rejects.toThrow();
        return message.sequence === 2 ? reject("as planned") : undefined;
      },
    });
    const report = await drain.run({ limitMs: MIN_LIMIT_MS * 10 });
    expect(report).toMatchObject({ outcome: "completed", acked: 1, deadLettered: 1, findings: [] });
    const elsewhere = defineDrain({
      servers: server.wsUrl,
      auth: { user: "sluice", password: "drain-pw" },
      stream: "EVENTS",
      consumer: "sluice",
      handler: () => {},
    });
    expect(await elsewhere.run({ limitMs: MIN_LIMIT_MS * 10 })).toMatchObject({
      reason: "permission-denied",
    });
  });

  test("the Queues consumer runs on a drain", async () => {
    const server = await labServer({ authorization: "authorization { }" });
    await server.createStream("ORDERS");
    await server.createConsumer("ORDERS", "billing");
    await server.publish("ORDERS.new", 3, ['{"total":1}', "{}", "not json"]);
    const code = queues.replace("wss://nats.example.com", server.wsUrl);
    const { orders } = (await load("queues", code)) as { orders: Drain };
    const report = await orders.run({ limitMs: MIN_LIMIT_MS * 10 });
    expect(report).toMatchObject({ outcome: "completed", acked: 1, retried: 1, rejected: 1 });
  });

  test("the test of a handler passes", async () => {
    // It asserts by itself.
    await load("testing", testing);
  });
});
