// The README says what the code does: its tables, and its examples, which run.
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Drain, LEAST_LIMIT_MS } from "../src/index.ts";
import { labServer } from "./support/lab-client.ts";
import { readReadme } from "./support/readme.ts";

const { actual, expected } = readReadme();
const root = new URL("..", import.meta.url).pathname;
// Inside the project, so that the examples' imports resolve as any test's do; git ignores it.
const folder = join(root, "test/.snippets");

describe("the README", () => {
  test("has the tables that the code gives (node test/support/readme.ts writes them)", () => {
    expect(actual).toBe(expected);
  });

  test("names scripts that package.json has", async () => {
    const { scripts } = (await import("../package.json", { with: { type: "json" } })).default;
    const named = Array.from(
      actual.matchAll(/npm (?:run )?(start|test|[a-z]+:[a-z]+)\b/g),
      ([, name = ""]) => name,
    );
    expect(named.length).toBeGreaterThan(1);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});

describe("an example of the README", () => {
  const snippets = Array.from(actual.matchAll(/```ts\n([\s\S]*?)```/g), ([, code = ""]) => code);
  const load = async (at: number, code: string): Promise<Record<string, unknown>> => {
    const file = join(folder, `snippet-${at}.ts`);
    writeFileSync(file, code);
    return (await import(file)) as Record<string, unknown>;
  };

  beforeAll(() => mkdirSync(folder, { recursive: true }));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("there are four", () => {
    expect(snippets).toHaveLength(4);
    expect(existsSync(folder)).toBe(true);
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
        response.writeHead(body.includes("2") ? 429 : 200).end();
      });
    }).listen(0, "127.0.0.1");
    await once(billing, "listening");
    const { port } = billing.address() as AddressInfo; // it listens on TCP
    const code = (snippets[0] ?? "").replace("https://billing.example.com", `http://127.0.0.1:${port}`);
    const worker = (await load(0, code)) as {
      default: { scheduled(controller: { noRetry(): void }, env: Record<string, string>): Promise<void> };
    };
    await worker.default.scheduled({ noRetry: () => {} }, { NATS_URL: server.wsUrl, NATS_TOKEN: "s3cret" });
    billing.close();
    expect(charged).toEqual(['{"total":1}', '{"total":2}']);
    // One acked, one rejected, and one that waits for its 30 s.
    expect(await server.consumerState("ORDERS", "billing")).toMatchObject({ pending: 0, ackPending: 1 });
  });

  test("the plain call drains and reports", async () => {
    const server = await labServer({ authorization: "authorization { }" });
    await server.createStream("ORDERS");
    await server.createConsumer("ORDERS", "billing");
    await server.publish("ORDERS.new", 2);
    const code = (snippets[1] ?? "")
      .replace("wss://nats.example.com", server.wsUrl)
      .replace("25_000", `${LEAST_LIMIT_MS * 10}`);
    const { report } = await load(1, `${code}\nexport { report };`);
    expect(report).toMatchObject({ outcome: "completed", reason: "empty", acked: 2 });
  });

  test("the Queues consumer runs on a drain", async () => {
    const server = await labServer({ authorization: "authorization { }" });
    await server.createStream("ORDERS");
    await server.createConsumer("ORDERS", "billing");
    await server.publish("ORDERS.new", 3, ['{"total":1}', "{}", "not json"]);
    const code = (snippets[2] ?? "").replace("wss://nats.example.com", server.wsUrl);
    const { orders } = (await load(2, code)) as { orders: Drain };
    const report = await orders.run({ limitMs: LEAST_LIMIT_MS * 10 });
    expect(report).toMatchObject({ outcome: "completed", acked: 1, retried: 1, rejected: 1 });
  });

  test("the test of a handler passes", async () => {
    // It asserts by itself.
    await load(3, snippets[3] ?? "");
  });
});
