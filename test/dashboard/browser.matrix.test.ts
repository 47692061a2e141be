// The dashboard in a real Chromium: used by its labels, as a screen reader has them, and judged by axe.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { View } from "../../src/dashboard/index.tsx";
import type { Report } from "../../src/index.ts";
import { NO_COUNTS } from "../../src/report/report.ts";
import type { Vars } from "../../src/vars/vars.ts";
import { workerApp } from "../../src/worker/app.ts";
import { pages } from "../../src/worker/dashboard.ts";
import { BUCKET, makeBucket } from "../support/bucket.ts";
import { ADMIN_USER, startTestServer } from "../support/nats.ts";
import { reportOf } from "../support/report.ts";
import { serve } from "./serve.ts";
import { aDashboard, TOKEN } from "./views.ts";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const AXE = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
const SHOTS = process.env.SLUICE_SCREENSHOTS;

const FAILING: Report[] = [
  reportOf("connection-lost", { message: "The connection ended." }),
  reportOf("permission-denied", {
    ...NO_COUNTS,
    message: 'The user may not publish to a subject that a drain needs: "$JS.ACK.EVENTS.sluice.>".',
    timings: { connectMs: 40, totalMs: 90 },
    findings: [
      { code: "insecure-connection", message: "The connection is not encrypted (allowInsecure)." },
      {
        code: "ack-wait-short",
        message: "The ack wait of 5 s is shorter than a handler may take.",
        mend: "nats consumer edit EVENTS sluice --wait 30s",
      },
    ],
  }),
];
const TIMINGS = {
  connectMs: 48,
  heartbeatsMs: [1_050, 2_050, 3_050],
  firstMessageMs: 3_400,
  fetchedMs: 3_460,
  handledMs: 5_100,
  settlingMs: 3_520,
  settledMs: 5_105,
  confirmedMs: 5_160,
  totalMs: 5_162,
};
const BUSY = Array.from({ length: 64 }, (_, at) =>
  at % 9 === 4
    ? reportOf("leadership-changed")
    : reportOf(at % 3 === 0 ? "empty" : "batch-full", {
        fetched: 100,
        acked: 97,
        deadLettered: 2,
        heartbeats: 3,
        timings: TIMINGS,
        deadLetters: [
          { reason: "target answered 422", count: 1 },
          { reason: at % 2 === 0 ? "no price" : "failed at delivery 5", count: 1 },
        ],
      }),
);
const STATES = { empty: [], failing: FAILING, busy: BUSY };
/** Of the failing system's consumer. */
const WRONG: NonNullable<View["findings"]> = [
  {
    code: "deliveries-exhausted",
    message: "3 messages used up max deliver (2) without success: it runs out before the backlog does.",
    mend: "nats consumer edit EVENTS sluice --max-deliver 20 --force",
  },
];

let browser: Browser;

describe.skipIf(!existsSync(CHROMIUM))("the dashboard in Chromium", () => {
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  }, 60_000);
  afterAll(() => browser.close());

  async function opened(
    reports: readonly Report[],
    width: number,
    colorScheme: "light" | "dark",
  ): Promise<Page> {
    const { origin, close } = await serve(
      aDashboard([...reports], reports === FAILING ? { findings: WRONG } : {}),
    );
    // axe is a script, and the pages allow none: it is let in for the test alone.
    const context = await browser.newContext({
      viewport: { width, height: 800 },
      colorScheme,
      bypassCSP: true,
    });
    onTestFinished(async () => {
      await context.close();
      close();
    });
    const page = await context.newPage();
    await page.goto(origin);
    return page;
  }

  async function logIn(page: Page): Promise<void> {
    await page.getByLabel("DRAIN_TOKEN").fill(TOKEN);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Drain now" }).waitFor();
  }

  async function faults(page: Page): Promise<unknown> {
    await page.evaluate(AXE);
    return await page.evaluate(
      "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))",
    );
  }

  test("lets one log in by keyboard, press the button, and see the outcome change", async () => {
    const page = await opened([reportOf()], 900, "light");
    await logIn(page);
    expect(await page.getByRole("heading", { name: "completed: empty" }).isVisible()).toBe(true);
    await page.getByRole("button", { name: "Drain now" }).click();
    await page.getByRole("heading", { name: "retryable: connection-lost" }).waitFor();
  }, 60_000);

  test("shows the Worker's own drains of a real consumer: what came, what was dead-lettered, and how long it took", async () => {
    const log = vi.spyOn(console, "log").mockReturnValue();
    onTestFinished(() => log.mockRestore());
    const server = await startTestServer();
    const target = createServer((request, response) => {
      response.writeHead(request.headers["ce-subject"] === "EVENTS.bad" ? 422 : 204).end();
    });
    await new Promise<void>((listening) => target.listen(0, "127.0.0.1", listening));
    const { port } = target.address() as AddressInfo; // it listens on a port
    await server.createStream("EVENTS");
    await server.createStream("DLQ", { subjects: ["dlq.>"] });
    await server.createConsumer("EVENTS", "sluice", { max_deliver: 10 });
    await makeBucket(await server.admin());
    await server.publish("EVENTS.good", 3);
    await server.publish("EVENTS.bad", 2);
    const worker = workerApp(pages);
    const env: Vars = {
      NATS_URL: server.wsUrl,
      NATS_USER: ADMIN_USER.user,
      NATS_PASSWORD: ADMIN_USER.pass,
      NATS_STREAM: "EVENTS",
      NATS_CONSUMER: "sluice",
      TARGET_URL: `http://127.0.0.1:${port}/`,
      DEAD_LETTER_SUBJECT: "dlq.events",
      MAX_WAIT_MS: "500",
      HISTORY_BUCKET: BUCKET,
      DRAIN_TOKEN: TOKEN,
    };
    const { origin, close } = await serve({ fetch: (request) => worker.fetch(request, env) });
    onTestFinished(async () => {
      close();
      target.close();
      await server.stop();
    });
    const page = await (await browser.newContext()).newPage();
    await page.goto(origin);
    await logIn(page);
    expect(await page.getByText("No drain has reported yet.").isVisible()).toBe(true);
    await page.getByRole("button", { name: "Drain now" }).click();
    await page.getByRole("heading", { name: "completed: empty" }).waitFor();
    const row = page.getByRole("row", { name: /422/ });
    expect(await row.getByRole("cell").last().textContent()).toBe("2");
    const timeline = await page.getByRole("img", { name: /^Timeline/ }).getAttribute("aria-label");
    for (const phase of ["connect", "wait", "handle", "settle", "confirm", "close"])
      expect(timeline).toContain(`${phase}: `);
    expect(await page.locator("dl.state").textContent()).toContain("Pending0");
  }, 60_000);

  const looks = Object.entries(STATES).flatMap(([name, reports]) =>
    (["light", "dark"] as const).flatMap((theme) =>
      [360, 900].map((width) => ({ name, reports, theme, width })),
    ),
  );
  test.each(looks)(
    "has no fault for axe, and fits: $name, $theme, $width px",
    async (look) => {
      const page = await opened(look.reports, look.width, look.theme);
      expect(await faults(page)).toEqual([]);
      await logIn(page);
      expect(await faults(page)).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(look.width);
      const path = `${SHOTS}/${look.name}-${look.theme}-${look.width}.png`;
      if (SHOTS) await page.screenshot({ path, fullPage: true });
    },
    60_000,
  );
});
