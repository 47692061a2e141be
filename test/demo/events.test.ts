// GitHub's example webhooks as messages that are CloudEvents.
import { describe, expect, it } from "vitest";
import { loadEvents, toEvents } from "../../src/demo/events.ts";

describe("a webhook's message", () => {
  it("has the event and the action in its subject and type, and the repository as its source", () => {
    const payload = { action: "opened", repository: { html_url: "https://github.com/o/r" } };
    expect(toEvents([{ name: "issues", examples: [payload] }])).toEqual([
      {
        id: "issues-1",
        subject: "github.issues.opened",
        headers: {
          "Content-Type": "application/json",
          "ce-type": "com.github.issues.opened",
          "ce-source": "https://github.com/o/r",
        },
        body: JSON.stringify(payload),
      },
    ]);
  });

  it("has only the event where GitHub sends no action, and falls back to the sender", () => {
    const [event] = toEvents([
      { name: "push", examples: [{ sender: { html_url: "https://github.com/o" } }] },
    ]);
    expect(event).toMatchObject({ subject: "github.push", headers: { "ce-source": "https://github.com/o" } });
  });
});

it("the package's examples are all different messages with publishable subjects", () => {
  const events = loadEvents();
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  for (const { subject } of events) expect(subject).toMatch(/^github(\.[a-z0-9_-]+){1,2}$/);
});
