// Whatever its vars, a message's headers and a visitor's request are: the Worker throws nothing but the name of a var, sends
// headers that fit, and tells nobody a value.
import { headers as natsHeaders } from "@nats-io/nats-core";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { isInvalidOption } from "../../src/checks.ts";
import { DeliveredMessage } from "../../src/message/message.ts";
import { readConfig } from "../../src/vars/config.ts";
import { drainToken } from "../../src/vars/drain-token.ts";
import { forwardedNames } from "../../src/vars/forwarded-names.ts";
import type { VarName, Vars } from "../../src/vars/vars.ts";
import { app, workerApp } from "../../src/worker/app.ts";
import { pages } from "../../src/worker/dashboard.ts";
import { eventConstants, eventHeaders } from "../../src/worker/event-headers.ts";
import { ANY_CHARACTER, FUZZ_TIMEOUT_MS, RUNS } from "./runs.ts";

const SECRET = "hunter2-hunter2-hunter2";
const WORKING: Vars = {
  NATS_URL: "wss://nats.example.com",
  NATS_STREAM: "ORDERS",
  NATS_CONSUMER: "billing",
  TARGET_URL: "https://example.com/events",
  DRAIN_TOKEN: "0123456789abcdef",
};
const NAMES: readonly VarName[] = [
  ...["NATS_URL", "NATS_STREAM", "NATS_CONSUMER", "TARGET_URL", "BATCH", "FETCHES", "CONCURRENCY"],
  ...["MAX_WAIT_MS", "LIMIT_MS", "UNTIL", "DRAINS", "HANDLER_TIMEOUT_MS", "STOP_AFTER_FAILURES"],
  ...["DEAD_LETTER_SUBJECT", "MAX_DELIVERIES", "FORWARD_HEADERS", "NATS_INBOX_PREFIX", "NATS_DOMAIN"],
  ...["HISTORY_BUCKET", "ALLOW_INSECURE", "NATS_TOKEN", "NATS_USER", "NATS_PASSWORD", "NATS_CREDS"],
  ...["NATS_NKEY_SEED", "DRAIN_TOKEN"],
] as VarName[]; // each is one

const written: string[] = [];
const keep = (...parts: unknown[]): void => void written.push(parts.map(String).join(" "));
beforeAll(() => {
  for (const method of ["log", "info", "warn", "error"] as const)
    vi.spyOn(console, method).mockImplementation(keep);
});
afterAll(() => vi.restoreAllMocks());

const encoded = fc.string({ unit: ANY_CHARACTER }).map((text) => encodeURIComponent(text.toWellFormed()));
// fast-check's own webUrl() and webPath() take three seconds of CPU time to make.
const url = fc
  .tuple(fc.constantFrom("https", "wss", "ftp"), fc.domain(), fc.array(encoded), fc.option(encoded))
  .map(([scheme, host, path, query]) => {
    const address = `${scheme}://${[host, ...path].join("/")}`;
    return query === null ? address : `${address}?${query}`;
  });
const value = fc.oneof(
  fc.string({ unit: ANY_CHARACTER }),
  fc.constantFrom(
    "1",
    "0",
    "9".repeat(400),
    "true",
    "limit",
    "a.b",
    "wss://",
    "https://[",
    ",",
    "\0",
    "__proto__",
  ),
  url,
);
// The secret stands where a URL's query, a part of a name or a number may be.
const marked = fc
  .tuple(value, fc.constantFrom("", "?key=", "@", " ", ".", ","))
  .map(([text, between]) => `${text}${between}${SECRET}`);
const vars: fc.Arbitrary<Vars> = fc
  .dictionary(fc.constantFrom(...NAMES), fc.option(fc.oneof(value, marked), { nil: undefined }), {
    maxKeys: 4,
  })
  .map((wrong) => ({ ...WORKING, ...wrong }));

test("vars are a configuration, or an error that names one", { timeout: FUZZ_TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(vars, (given) => {
      for (const read of [readConfig, drainToken]) {
        try {
          read(given);
        } catch (error) {
          if (!isInvalidOption(error)) throw error;
          expect(error.option.split(", ").filter((name) => !NAMES.includes(name as VarName))).toEqual([]);
          expect(error.message).not.toContain(SECRET);
        }
      }
    }),
    RUNS,
  );
});

const constants = eventConstants("ORDERS", "billing", forwardedNames(["X-Tenant"]));
const name = fc.oneof(
  fc.constantFrom("ce-id", "CE-Source", "ce-type", "ce-time", "ce-subject", "ce-natssequence", "ce-data"),
  fc.constantFrom("Content-Type", "traceparent", "baggage", "x-tenant", "Idempotency-Key", "KV-Operation"),
  fc.stringMatching(/^ce-[a-z0-9]{1,60}$/),
);
const headerValue = fc.oneof(
  fc.string({ unit: ANY_CHARACTER }),
  fc.constantFrom("%C3%BC", "%C3", "ORDERS:7", "application/cloudevents+json", "€".repeat(3_000)),
);

test("any message has headers that a target can take", { timeout: FUZZ_TIMEOUT_MS }, () => {
  const lists = fc.array(fc.tuple(name, headerValue), { maxLength: 12 });
  const subject = fc.string({ unit: ANY_CHARACTER, minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(lists, subject, (pairs, at) => {
      const made = natsHeaders();
      for (const [key, text] of pairs) made.append(key, text.replace(/[\r\n]/g, ""));
      const reply = "$JS.ACK.ORDERS.billing.3.42.40.1763835600123456789.7";
      const message = new DeliveredMessage({ subject: at, reply, headers: made } as ConstructorParameters<
        typeof DeliveredMessage
      >[0]); // all that is read
      const headers = new Headers(eventHeaders(message, constants));
      expect(headers.get("Idempotency-Key")).toBe("ORDERS:42");
      // Of an event in structured mode the body says all of it.
      const structured = /^application\/cloudevents/.test(headers.get("Content-Type") ?? "");
      for (const name of ["natssequence", "natsstream", "id", "source", "type", "specversion"])
        expect(headers.has(`ce-${name}`)).toBe(!structured);
      expect(headers.get("ce-id")).not.toBe("ORDERS:7");
      const length = [...headers].reduce((total, [key, text]) => total + key.length + text.length + 4, 0);
      expect(length).toBeLessThan(14_000);
    }),
    RUNS,
  );
});

// Each letter as it is, or as some target reads it: in another case, with a mark or a stroke, wide or bold.
const LOOKS = ["OoÓØ𝐎Ｏ", "RrŕℛꞦＲ", "DdđðÐ𝐃", "EeéÈ𝐄ｅ", "RrŘꞧ𝐑", "SsſŠꞨｓ", ":：﹕"].map((all) => [...all]);
const UNSEEN = fc.constantFrom(
  "",
  "",
  "",
  "\u200b",
  "\u00ad",
  "\u3164",
  "\u115f",
  "\u0301",
  "\ufe0f",
  "\0",
  "\u{e0041}",
);
const disguise = fc
  .tuple(...LOOKS.map((looks) => fc.tuple(UNSEEN, fc.constantFrom(...looks), fc.boolean())))
  .map((letters) =>
    letters.map(([unseen, letter, plain]) => (plain ? unseen + letter : encodeURIComponent(unseen + letter))),
  );

test("no id passes for a delivery's, however its letters look", { timeout: FUZZ_TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(disguise, fc.constantFrom("", " ", "%20", "%09"), (letters, space) => {
      const made = natsHeaders();
      made.append("ce-id", `${space}${letters.join("")}7`);
      const reply = "$JS.ACK.ORDERS.billing.3.42.40.1763835600123456789.7";
      const message = new DeliveredMessage({
        subject: "orders",
        reply,
        headers: made,
      } as ConstructorParameters<typeof DeliveredMessage>[0]); // all that is read
      expect(eventHeaders(message, constants)["ce-id"]).toBe("ORDERS:42");
    }),
    RUNS,
  );
});

const withDashboard = workerApp(pages);
const SESSION = `${Date.now() + 3_600_000}`;
const request = fc.record({
  method: fc.constantFrom("GET", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH"),
  path: fc.oneof(
    fc.constantFrom("/drain", "/drain/", "/healthz", "/", "/metrics", "//drain", "/%2e%2e/drain", "/drain?x"),
    fc.constantFrom("/login", "/logout", "/drain-now", "/?drain=0", "/metrics/../metrics", "/drain-now/"),
    fc.array(encoded).map((segments) => `/${segments.join("/")}`),
    fc.string().map((text) => `/${encodeURIComponent(text)}`),
  ),
  authorization: fc.oneof(
    // No token has a "!": whoever has the right one is no stranger.
    fc.constantFrom("", "Bearer", "Bearer ", "Basic YTpi", "Bearer undefined", `Bearer !${SECRET}`),
    fc.stringMatching(/^[\x20-\x7e]{0,40}$/),
  ),
  cookie: fc.oneof(
    fc.constantFrom("", "sluice_session", `sluice_session=${SESSION}`, `sluice_session=${SESSION}.`, "=;=;"),
    fc.base64String({ minLength: 44, maxLength: 44 }).map((end) => `sluice_session=${SESSION}.${end}`),
    fc.stringMatching(/^[\x20-\x7e]{0,40}$/).map((text) => `sluice_session=${encodeURIComponent(text)}`),
  ),
  origin: fc.constantFrom("https://sluice.example.com", "https://evil.example", "null", ""),
  type: fc.constantFrom(
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "",
  ),
  body: fc.option(fc.oneof(fc.string(), fc.constantFrom("token=", `token=!${SECRET}`, "token=a&token=b")), {
    nil: null,
  }),
});

test("any request is answered, and no visitor is told a value", { timeout: FUZZ_TIMEOUT_MS }, async () => {
  await fc.assert(
    fc.asyncProperty(request, vars, fc.boolean(), async (asked, env, isDashboard) => {
      const { method, path, authorization, cookie, origin, type, body } = asked;
      written.length = 0;
      const bodiless = method === "GET" || method === "HEAD";
      const headers = { authorization, cookie, origin, "content-type": type };
      const init = { method, headers, body: bodiless ? null : body };
      const visited = isDashboard ? withDashboard : app;
      const response = await visited.fetch(new Request(`https://sluice.example.com${path}`, init), env);
      const told = `${await response.text()} ${[...response.headers].join(" ")}`;
      expect(told).not.toContain(SECRET);
      expect(written.join("\n")).not.toContain(SECRET);
      expect([200, 303, 400, 401, 403, 404, 405, 413, 500]).toContain(response.status);
      // A login would set a cookie, and a drain or a page would have asked the server.
      expect(response.headers.get("set-cookie") ?? "").not.toMatch(/^sluice_session=[^;]/);
      if (response.status === 200)
        expect(new URL(response.url || `https://x${path}`).pathname).toBe("/healthz");
    }),
    RUNS,
  );
});
