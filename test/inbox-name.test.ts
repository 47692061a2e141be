// Inboxes that nobody can guess: each is its own, and says nothing of another.
import { expect, test } from "vitest";
import { newInbox } from "../src/connection/inbox-name.ts";

test("newInbox gives a subject below its prefix that shares nothing with the last one", () => {
  const inboxes = Array.from({ length: 1_000 }, () => newInbox());
  expect(new Set(inboxes.map((inbox) => inbox.slice(0, "_INBOX.".length + 8))).size).toBe(1_000);
  for (const inbox of inboxes) expect(inbox).toMatch(/^_INBOX\.[\da-f-]{36}$/);
  expect(newInbox("_INBOX_sluice.a")).toMatch(/^_INBOX_sluice\.a\.[\da-f-]{36}$/);
});
