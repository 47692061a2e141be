// This repository as a template: for Cloudflare's Deploy button, and for `npm create cloudflare -- --template`. Their rules:
// https://developers.cloudflare.com/workers/platform/deploy-buttons/ and create-cloudflare's own source.
import { existsSync, readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { expect, test } from "vitest";
import manifest from "../package.json" with { type: "json" };
import lock from "../package-lock.json" with { type: "json" };

const root = new URL("..", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const wrangler = parse(read("wrangler.toml"));
const { bindings } = manifest.cloudflare;

/** What the button asks for: it reads the file as dotenv, so what is commented out it does not see. */
const secrets = Array.from(read(".dev.vars.example").matchAll(/^([A-Z_]+)="/gm), ([, name = ""]) => name);

test("wrangler's configuration stands at the top, and names the Worker, its entry and a date", () => {
  expect(wrangler).toMatchObject({
    name: "sluice",
    compatibility_date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
  });
  expect(existsSync(new URL(String(wrangler.main), root))).toBe(true);
});

test("package.json stands beside it, and brings wrangler and the command that deploys", () => {
  expect(manifest.scripts.deploy).toBe("wrangler deploy");
  expect(manifest.devDependencies.wrangler).toMatch(/^\d/);
});

test("no folder at the top of the repository is one that create-cloudflare takes for a variant of the template", () => {
  expect(["js", "ts"].filter((name) => existsSync(new URL(name, root)))).toEqual([]);
});

test("of the deploy button, each var has a value to begin with, and each var and secret a description", () => {
  const vars = Object.entries(wrangler.vars ?? {});
  expect(vars.filter(([, value]) => typeof value !== "string" || value === "")).toEqual([]);
  const needed = ["DRAIN_TOKEN", "NATS_TOKEN", "NATS_USER", "NATS_PASSWORD", "NATS_CREDS", "NATS_NKEY_SEED"];
  expect(secrets.toSorted()).toEqual(needed.sort());
  expect(Object.keys(bindings).sort()).toEqual([...vars.map(([name]) => name), ...secrets].sort());
});

test("nothing needs a resource that the account has not: no binding has an id", () => {
  expect(read("wrangler.toml").replaceAll(/^\s*#.*$/gm, "")).not.toMatch(/\b(id|database_id|store_id)\s*=/);
});

test("everything is installed from the public registry, or from the repository itself", () => {
  const elsewhere = Object.entries(lock.packages as Record<string, { resolved?: string }>).filter(
    ([, { resolved = "test/" }]) => !/^(https:\/\/registry\.npmjs\.org\/|test\/)/.test(resolved),
  );
  expect(elsewhere).toEqual([]);
});

test("the button is for this repository, which GitHub has in public", () => {
  const url = manifest.repository.url.replace(/^git\+|\.git$/g, "");
  expect(url).toMatch(/^https:\/\/github\.com\/[\w-]+\/[\w.-]+$/);
  expect(read("docs/deploy.md")).toContain(`https://deploy.workers.cloudflare.com/?url=${url}`);
  expect(read("docs/deploy.md")).toContain(`npm create cloudflare@latest -- --template ${url}`);
});
