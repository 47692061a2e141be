// The CronJob of examples/kubernetes against the schema of Kubernetes' own API, as kubernetes-models has it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "vitest";
import { packages } from "../support/parts.ts";

interface Model {
  validate(): void;
}

const models = await packages("kubernetes-models@5.1.0", "yaml@2.9.1");
const { test } = models;

const load = async (path: string): Promise<Record<string, unknown>> =>
  await import(pathToFileURL(join(models.folder ?? "", "node_modules", path)).href);
const MANIFEST = readFileSync(new URL("../../examples/kubernetes/cronjob.yaml", import.meta.url), "utf8");

/** Throws what Kubernetes' API server would refuse of a manifest. */
async function validate(text: string): Promise<void> {
  const { parse } = (await load("yaml/dist/index.js")) as { parse(text: string): object };
  const { CronJob } = (await load("kubernetes-models/batch/v1/CronJob.js")) as {
    CronJob: new (manifest: object) => Model;
  };
  new CronJob(parse(text)).validate();
}

test("the CronJob is one that Kubernetes takes", async () => {
  await validate(MANIFEST);
});

test.each([
  ["an operator that there is not", "operator: In", "operator: Is"],
  ["a wrong type", "activeDeadlineSeconds: 300", 'activeDeadlineSeconds: "300"'],
  ["a rule without its action", "- action: FailJob\n            onExitCodes", "- onExitCodes"],
])("and would not be with %s", async (_what, right, wrong) => {
  expect(MANIFEST).toContain(right);
  await expect(validate(MANIFEST.replace(right, wrong))).rejects.toThrow();
});
