// The Worker's routes, called without a server: what they tell.
import { afterEach, expect, test, vi } from "vitest";
import type { Vars } from "../../src/vars/vars.ts";
import { app, workerApp } from "../../src/worker/app.ts";
import { pages } from "../../src/worker/dashboard.ts";

const TOKEN = "0123456789abcdef";

afterEach(() => vi.restoreAllMocks());

test.each([
  "ws://127.0.0.1:9/path?token=hunter2",
  "wss://localhost:9/path?token=hunter2#hunter2",
  "wss://nats.invalid/path?hunter2",
])("no query of NATS_URL or TARGET_URL is told by the report or the log: %s", async (NATS_URL) => {
  const log = vi.spyOn(console, "error").mockReturnValue();
  const env: Vars = {
    NATS_URL,
    NATS_STREAM: "ORDERS",
    NATS_CONSUMER: "billing",
    TARGET_URL: "https://example.com/?hunter2",
    DRAIN_TOKEN: TOKEN,
    LIMIT_MS: "2000",
  };
  const init = { method: "POST", headers: { Authorization: `Bearer ${TOKEN}` } };
  const response = await app.fetch(new Request("https://sluice.example.com/drain", init), env);
  const told = `${await response.text()} ${log.mock.calls.join(" ")}`;
  expect(response.status).toBe(503);
  expect(told).toMatch(/"reason":"connect-(failed|timeout)"/); // a loaded machine may be late
  expect(told).not.toContain("hunter2");
});

test.each([
  ["http://target.invalid/events?hunter2", ["http://target.invalid"]],
  ["http://127.0.0.1:9/events?hunter2", []],
  ["https://target.invalid/events?hunter2", []],
])(
  "with ALLOW_INSECURE a report tells of a target that is reached unencrypted: %s",
  async (TARGET_URL, told) => {
    vi.spyOn(console, "error").mockReturnValue();
    const env: Vars = {
      NATS_URL: "ws://127.0.0.1:9",
      NATS_STREAM: "ORDERS",
      NATS_CONSUMER: "billing",
      TARGET_URL,
      DRAIN_TOKEN: TOKEN,
      LIMIT_MS: "2000",
      ALLOW_INSECURE: "true",
    };
    const init = { method: "POST", headers: { Authorization: `Bearer ${TOKEN}` } };
    const response = await app.fetch(new Request("https://sluice.example.com/drain", init), env);
    const { findings } = (await response.json()) as { findings: { code: string; message: string }[] };
    const insecure = findings.filter(({ code }) => code === "insecure-connection");
    expect(insecure.map(({ message }) => /http:\/\/[^/]*(?=\.$)/.exec(message)?.[0])).toEqual(told);
    expect(JSON.stringify(findings)).not.toContain("hunter2");
  },
);

test.each([
  ["of another site", 403, { Origin: "https://evil.example" }, "token=a"],
  ["of no site", 403, {}, "token=a"],
  ["of a megabyte", 413, { Origin: "https://sluice.example.com" }, "x".repeat(1_000_000)],
])("a form %s is refused with %i, and is no error of the Worker", async (_, status, headers, body) => {
  const log = vi.spyOn(console, "error").mockReturnValue();
  const env: Vars = {
    NATS_URL: "wss://nats.example.com",
    NATS_STREAM: "ORDERS",
    NATS_CONSUMER: "billing",
    TARGET_URL: "https://example.com/",
    DRAIN_TOKEN: TOKEN,
  };
  const form = { "Content-Type": "application/x-www-form-urlencoded", ...headers };
  const request = new Request("https://sluice.example.com/login", { method: "POST", body, headers: form });
  const response = await workerApp(pages).fetch(request, env);
  expect(response.status).toBe(status);
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  expect(log).not.toHaveBeenCalled();
});
