// The dashboard's routes: who is let in, what is shown, and what a page may do.
import { describe, expect, test } from "vitest";
import { phases } from "../../src/dashboard/timeline.tsx";
import { reportOf } from "../support/report.ts";
import { aDashboard, TOKEN } from "./views.ts";

const ORIGIN = "https://sluice.example";

function form(fields: Record<string, string>, headers: Record<string, string> = {}): RequestInit {
  return { method: "POST", body: new URLSearchParams(fields), headers: { Origin: ORIGIN, ...headers } };
}

async function cookieOf(app: ReturnType<typeof aDashboard>, origin = ORIGIN): Promise<string> {
  const response = await app.request(`${origin}/login`, form({ token: TOKEN }, { Origin: origin }));
  return response.headers.get("Set-Cookie") ?? "";
}

async function shown(app: ReturnType<typeof aDashboard>, path = "/"): Promise<string> {
  const Cookie = (await cookieOf(app)).split(";")[0] ?? "";
  return await (await app.request(`${ORIGIN}${path}`, { headers: { Cookie } })).text();
}

describe("the login", () => {
  test("is all that is shown without a session, or with one that was not signed by the token", async () => {
    const app = aDashboard([reportOf()]);
    for (const Cookie of ["", "sluice_session=9999999999999.bm90IHNpZ25lZA", "sluice_session=1"]) {
      const response = await app.request(`${ORIGIN}/`, { headers: { Cookie } });
      expect(response.status).toBe(401);
      expect(await response.text()).not.toContain("EVENTS");
    }
  });

  test("refuses a wrong token, and sets no cookie", async () => {
    const response = await aDashboard().request(`${ORIGIN}/login`, form({ token: `${TOKEN}x` }));
    expect(response.status).toBe(401);
    expect(response.headers.get("Set-Cookie")).toBeNull();
    expect(await response.text()).toContain("That is not the token.");
  });

  test("reads no more of a stranger's form than a token takes, and fails at none", async () => {
    const app = aDashboard();
    const typed = (body: BodyInit, type: string): RequestInit => ({
      body,
      headers: { "Content-Type": type },
    });
    const file = new FormData();
    file.append("token", new Blob([TOKEN]), "token");
    const urlencoded = "application/x-www-form-urlencoded";
    let read = 0;
    const endless = new ReadableStream({
      pull(controller) {
        read += 1;
        controller.enqueue(new Uint8Array(65_536).fill(0x61));
      },
    });
    const forms: [status: number, form: RequestInit & { duplex?: "half" }][] = [
      [401, typed("--x\r\nbroken", "multipart/form-data; boundary=x")],
      [401, typed("a", "multipart/form-data")],
      [401, typed('{"token":1}', "application/json")],
      [401, typed(`token=${TOKEN}%00`, urlencoded)],
      [401, typed(`__proto__.token=${TOKEN}&token[]=${TOKEN}`, urlencoded)],
      [401, { body: file }],
      [413, typed(`token=${"x".repeat(1_000_000)}`, urlencoded)],
      [413, { ...typed(endless, urlencoded), duplex: "half" }],
    ];
    for (const [status, { headers, ...form }] of forms) {
      const init = { method: "POST", ...form, headers: { Origin: ORIGIN, ...(headers as object) } };
      const response = await app.request(`${ORIGIN}/login`, init);
      expect([form.body, response.status]).toEqual([form.body, status]);
      expect(response.headers.get("Set-Cookie")).toBeNull();
    }
    expect(read).toBeLessThan(10);
  });

  test("gives a cookie that expires, and that no script, no other site and no plain http sees", async () => {
    const cookie = await cookieOf(aDashboard());
    expect(cookie).toMatch(/Max-Age=28800; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    expect(cookie).not.toContain(TOKEN);
  });

  test("works over plain http on this machine only", async () => {
    expect(await cookieOf(aDashboard(), "http://localhost:8787")).not.toContain("Secure");
    expect(await cookieOf(aDashboard(), "http://10.0.0.5:8787")).toContain("Secure");
  });
});

describe("the button", () => {
  test("drains for a session, and for no other site and no stranger", async () => {
    const reports = [reportOf()];
    const app = aDashboard(reports);
    const Cookie = (await cookieOf(app)).split(";")[0] ?? "";
    await app.request(`${ORIGIN}/drain-now`, form({}));
    const other = await app.request(
      `${ORIGIN}/drain-now`,
      form({}, { Cookie, Origin: "https://evil.example" }),
    );
    expect(other.status).toBe(403);
    const body = new URLSearchParams();
    const unnamed = await app.request(`${ORIGIN}/drain-now`, { method: "POST", body, headers: { Cookie } });
    expect(unnamed.status).toBe(403);
    expect(reports).toHaveLength(1);
    const response = await app.request(`${ORIGIN}/drain-now`, form({}, { Cookie }));
    expect([response.status, response.headers.get("Location")]).toEqual([303, "/"]);
    expect(await shown(app)).toContain("retryable: connection-lost");
  });
});

describe("the button's drain", () => {
  const pressed = async (app: ReturnType<typeof aDashboard>): Promise<string> => {
    const Cookie = (await cookieOf(app)).split(";")[0] ?? "";
    const response = await app.request(`${ORIGIN}/drain-now`, form({}, { Cookie }));
    const kept = response.headers.get("Set-Cookie") ?? "";
    expect(kept).toMatch(/^sluice_report=.*Max-Age=60; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    return `${Cookie}; ${kept.split(";")[0]}`;
  };
  const page = async (app: ReturnType<typeof aDashboard>, Cookie: string): Promise<string> =>
    await (await app.request(`${ORIGIN}/`, { headers: { Cookie } })).text();

  test("is shown where no history keeps it, and a forged one is not", async () => {
    const app = aDashboard([], {}, true, false);
    const Cookie = await pressed(app);
    expect(await page(app, Cookie)).toContain("retryable: connection-lost");
    expect(await page(app, Cookie.replace("connection-lost", "server-shutdown"))).not.toContain(
      "<h2>retryable",
    );
  });

  test("is not shown twice where a history keeps it", async () => {
    const app = aDashboard();
    expect((await page(app, await pressed(app))).match(/class="retryable"/g)).toHaveLength(1);
  });
});

describe("a page", () => {
  test("escapes all that comes from outside", async () => {
    const hostile = `"><script>alert(1)</script>`;
    const report = reportOf(undefined, { message: hostile, findings: [{ code: hostile, message: hostile }] });
    const html = await shown(aDashboard([report], { stream: hostile, consumer: hostile }));
    expect(html).toContain("&lt;script&gt;");
    expect(html).not.toContain("<script");
  });

  test("shows what mends a finding", async () => {
    const mend = "nats consumer edit EVENTS sluice --wait 60s";
    const report = reportOf(undefined, { findings: [{ code: "ack-wait", message: "It is short.", mend }] });
    expect(await shown(aDashboard([report]))).toContain(`It is short.<pre>${mend}</pre>`);
  });

  test("may load and run nothing, but its own style", async () => {
    const response = await aDashboard().request(`${ORIGIN}/`);
    const policy = response.headers.get("Content-Security-Policy") ?? "";
    const nonce = /'nonce-([^']+)'/.exec(policy)?.[1];
    expect(policy).toMatch(/^default-src 'none'; style-src 'nonce-[^']+'; form-action 'self'/);
    const html = await response.text();
    expect(html).toContain(`<style nonce="${nonce}">`);
    expect(html).not.toMatch(/ style=| on[a-z]+=|<script|https?:/);
  });

  test("shows the drain that is asked for, and the last one where there is no such", async () => {
    const app = aDashboard([reportOf("max-wait"), reportOf()]);
    expect(await shown(app, "/?drain=0")).toContain("completed: max-wait");
    for (const drain of ["", "?drain=99", "?drain=-1", "?drain=x", "?drain=1e400"])
      expect(await shown(app, `/${drain}`)).toContain("completed: empty");
  });

  test("shows when heartbeats came while a drain waited", async () => {
    const timings = { connectMs: 5, heartbeatsMs: [100, 200], firstMessageMs: 250, totalMs: 400 };
    const html = await shown(aDashboard([reportOf("empty", { timings })]));
    expect(html).toContain("wait: 245 ms, 2 heartbeats, first message at 250 ms");
    expect(html.match(/class="mark"/g)).toHaveLength(2);
  });

  test("adds up the dead letters of the drains by reason, and escapes the reasons", async () => {
    const reports = [
      reportOf("empty", { deadLetters: [{ reason: "no <price>", count: 2 }] }),
      reportOf("empty", { deadLetters: [{ reason: "no <price>", count: 3 }] }),
    ];
    expect(await shown(aDashboard(reports))).toContain("<td>no &lt;price&gt;</td><td>5</td>");
    expect(await shown(aDashboard())).toContain("None in these drains.");
  });

  test("says so where nothing has happened, and where the consumer could not be asked", async () => {
    expect(await shown(aDashboard())).toContain("No drain has reported yet.");
    expect(await shown(aDashboard())).not.toContain("No history is kept");
    expect(await shown(aDashboard([], { keepsHistory: false }))).toContain("No history is kept");
    expect(await shown(aDashboard())).toContain("<dt>Lag</dt><dd>10</dd>");
    expect(await shown(aDashboard([], {}, false))).toContain("The consumer could not be asked.");
  });
});

test("the metrics need the bearer token, not the cookie", async () => {
  const app = aDashboard([reportOf()]);
  expect((await app.request(`${ORIGIN}/metrics`)).status).toBe(401);
  const Cookie = (await cookieOf(app)).split(";")[0] ?? "";
  expect((await app.request(`${ORIGIN}/metrics`, { headers: { Cookie } })).status).toBe(401);
  const headers = { Authorization: `Bearer ${TOKEN}` };
  const response = await app.request(`${ORIGIN}/metrics`, { headers });
  expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(await response.text()).toContain("sluice_consumer_lag_messages");
});

test.each([
  [{ totalMs: 9 }, ["connect"]],
  [{ connectMs: 2, totalMs: 9 }, ["connect", "wait"]],
  [{ connectMs: 2, firstMessageMs: 4, totalMs: 9 }, ["connect", "wait", "handle and settle"]],
  [
    {
      connectMs: 2,
      firstMessageMs: 4,
      fetchedMs: 5,
      handledMs: 7,
      settlingMs: 5,
      settledMs: 8,
      confirmedMs: 9,
    },
    ["connect", "wait", "handle", "settle", "confirm", "close"],
  ],
  [{ connectMs: 2, fetchedMs: 5, handledMs: 5, confirmedMs: 5 }, ["connect", "wait", "confirm", "close"]],
])("the timeline of %j has the phases %j", (timings, names) => {
  expect(phases({ timings: { totalMs: 9, ...timings }, fetched: 1 }).map(({ name }) => name)).toEqual(names);
});
