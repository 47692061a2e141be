// docs/operate.md and the alert rules: complete, and about what there is.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { REASONS } from "../src/index.ts";
import { prometheus } from "../src/observe/prometheus.ts";
import { reportOf } from "./support/report.ts";
import { findPromtool } from "./support/tools.ts";

const PAGE = readFileSync(new URL("../docs/operate.md", import.meta.url), "utf8");
const FOLDER = fileURLToPath(new URL("../examples/prometheus/", import.meta.url));
const RULES = readFileSync(`${FOLDER}sluice.rules.yml`, "utf8");
const TESTS = readFileSync(`${FOLDER}sluice.test.yml`, "utf8");

test("the runbook has a heading for each reason, with something to look at and something to run", () => {
  const entries = PAGE.matchAll(/^#### (\S+)\n\n(?:(?!#|```).+\n)+\n```sh\n[^`]+\n```$/gm);
  expect(Array.from(entries, ([, reason]) => reason)).toEqual(Object.keys(REASONS));
});

test("docs/operate.md has each alert of the rules, and no other", () => {
  const alerts = Array.from(RULES.matchAll(/- alert: (\w+)/g), ([, name]) => name);
  const named = new Set(Array.from(PAGE.matchAll(/`(Sluice\w+)`/g), ([, name]) => name));
  expect(alerts.length).toBeGreaterThan(0);
  expect([...named]).toEqual(alerts);
});

test("the rules of Prometheus ask for metrics that there are", () => {
  const state = { stream: "EVENTS", consumer: "sluice", pending: 0, unacked: 0, redelivered: 0, waiting: 0 };
  const text = prometheus([reportOf()], state);
  const asked = [...new Set(RULES.match(/\bsluice_\w+(\{[^}]+\})?/g))];
  expect(asked.length).toBeGreaterThan(5);
  for (const metric of asked) {
    const [, name = "", label = ""] = /^(\w+)(?:\{(.+)\})?$/.exec(metric) ?? [];
    const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) && line.includes(label));
    expect([metric, lines.length > 0]).toEqual([metric, true]);
  }
});

test("docs/operate.md has the rules as the example has them", () => {
  expect(PAGE).toContain(`\`\`\`yaml\n${RULES}\`\`\`\n`);
});

const promtool = await findPromtool();
test.skipIf(promtool === undefined).each([
  ["check", "config", "--syntax-only", "prometheus.yml"],
  ["check", "rules", "sluice.rules.yml"],
  ["test", "rules", "sluice.test.yml"],
])("promtool %s %s has nothing against the examples", async (...args) => {
  const judged = promisify(execFile)(promtool ?? "", args, { cwd: FOLDER });
  expect((await judged).stdout).toContain("SUCCESS");
});

test("each alert of the rules has a test for promtool", () => {
  const tested = new Set(Array.from(TESTS.matchAll(/alertname: (\w+)/g), ([, name]) => name));
  expect([...tested]).toEqual(Array.from(RULES.matchAll(/- alert: (\w+)/g), ([, name]) => name));
});
