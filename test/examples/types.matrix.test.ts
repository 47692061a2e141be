// The examples against the real types of the platforms that they are for, which test/support/platforms.d.ts shortens.
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, onTestFinished } from "vitest";
import { MODULES, type Parts, packages } from "../support/parts.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const TSC = join(MODULES, "typescript/bin/tsc");
const SOURCES = { sluice: [`${root}src/index.ts`], "sluice/*": [`${root}src/triggers/*.ts`] };

const EXAMPLES: [example: string, parts: Parts][] = [
  [
    "lambda-durable",
    await packages("@aws/durable-execution-sdk-js-testing@1.1.4", "@aws/durable-execution-sdk-js@2.4.0"),
  ],
  [
    "google-cloud",
    await packages("@google-cloud/functions-framework@5.0.5", "@hono/node-server@2.1.9", "hono@4.13.19"),
  ],
  ["inngest", await packages("inngest@4.24.0")],
  ["temporal", await packages("@temporalio/common@1.24.0", "@temporalio/workflow@1.24.0")],
  ["trigger-dev", await packages("@trigger.dev/sdk@4.8.3")],
];

describe.each(EXAMPLES)("the example %s", (example, { folder: parent = "", test }) => {
  test("is right by its platform's own types", async () => {
    const folder = await mkdtemp(join(parent, "types-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await cp(`${root}examples/${example}`, folder, { recursive: true });
    const config = {
      extends: `${root}test/tsconfig.json`,
      compilerOptions: { rootDir: "/", paths: SOURCES, types: ["node"] },
      include: [],
      files: (await readdir(folder)).filter((name) => name.endsWith(".ts")),
    };
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    const checked = promisify(execFile)(process.execPath, [TSC, "-p", folder]);
    const said = await checked.catch((error: { stdout: string }) => error.stdout || String(error));
    expect(said).toEqual({ stdout: "", stderr: "" });
  });
});
