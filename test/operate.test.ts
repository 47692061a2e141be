// docs/operate.md and the alert rules: complete, and about what there is.
import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { REASONS } from "../src/index.ts";
import { prometheus } from "../src/observe/prometheus.ts";
import { aReport } from "./observe/report.ts";

const PAGE = readFileSync(new URL("../docs/operate.md", import.meta.url), "utf8");
const FOLDER = fileURLToPath(new URL("../examples/prometheus/", import.meta.url));
const RULES = readFileSync(`${FOLDER}sluice.rules.yml`, "utf8");

test("the runbook has a heading for each reason, with something to look at and something to run", () => {
  const entries = PAGE.matchAll(/^#### (\S+)\n\n(?:(?!#|```).+\n)+\n```sh\n[^`]+\n```$/gm);
  expect(Array.from(entries, ([, reason]) => reason)).toEqual(Object.keys(REASONS));
});

test("the page has each alert of the rules, and no other", () => {
  const alerts = Array.from(RULES.matchAll(/- alert: (\w+)/g), ([, name]) => name);
  const named = new Set(Array.from(PAGE.matchAll(/`(Sluice\w+)`/g), ([, name]) => name));
  expect(alerts.length).toBeGreaterThan(0);
  expect([...named]).toEqual(alerts);
});

test("the rules ask for metrics that there are", () => {
  const state = { stream: "EVENTS", consumer: "sluice", pending: 0, unacked: 0, redelivered: 0, waiting: 0 };
  const text = prometheus([aReport()], state);
  const asked = [...new Set(RULES.match(/\bsluice_\w+(\{[^}]+\})?/g))];
  expect(asked.length).toBeGreaterThan(5);
  for (const metric of asked) {
    const [, name = "", label = ""] = /^(\w+)(?:\{(.+)\})?$/.exec(metric) ?? [];
    const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) && line.includes(label));
    expect([metric, lines.length]).toEqual([metric, 1]);
  }
});

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
test.skipIf(!hasPromtool)("promtool has nothing against the configuration and the rules", async () => {
  const check = promisify(execFile)("promtool", [
    "check",
    "config",
    "--syntax-only",
    `${FOLDER}prometheus.yml`,
  ]);
  expect((await check).stdout).toContain("SUCCESS");
});
