// A reporter of vitest's: counts the run's tests, and writes the count to the file that SLUICE_COUNT names.
import { relative } from "node:path";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { type Count, noCount, writeCount } from "./count.ts";

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly { readonly message: string }[]): void {
    const count = noCount();
    for (const module of modules) countModule(module, count);
    for (const { message } of unhandled) fail(count, `outside of any test: ${message}`);
    if (process.env.SLUICE_COUNT !== undefined) writeCount(process.env.SLUICE_COUNT, count);
  }
}

function countModule(module: TestModule, count: Count): void {
  const project = module.project.name;
  const file = `${project ? `${project}: ` : ""}${relative(process.cwd(), module.moduleId)}`;
  for (const test of module.children.allTests()) countTest(test, file, count);
  // A file that cannot be loaded, or a hook that throws, fails without failing a test.
  for (const { message } of module.errors()) fail(count, `${file}\n${message}`);
  for (const suite of module.children.allSuites())
    for (const { message } of suite.errors()) fail(count, `${file}: ${suite.fullName}\n${message}`);
}

function countTest(test: TestCase, file: string, count: Count): void {
  const { state, errors = [] } = test.result();
  const name = `${file}: ${test.fullName}`;
  if (state === "failed") {
    fail(count, [name, ...errors.map(({ stack, message }) => stack ?? message)].join("\n"));
  } else if (state === "passed") {
    count.passed += 1;
    if (test.diagnostic()?.flaky)
      count.retried.push(`${name}\n${errors.map(({ message }) => message).join("\n")}`);
  } else {
    count.skipped += 1;
  }
}

function fail(count: Count, what: string): void {
  count.failed += 1;
  count.failures.push(what);
}
