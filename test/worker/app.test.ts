// The Worker's routes, called without a server: what they tell.
import { afterEach, expect, test, vi } from "vitest";
import { app } from "../../src/worker/app.ts";
import type { Vars } from "../../src/worker/vars.ts";

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
