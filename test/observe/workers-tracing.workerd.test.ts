// The Workers tracing observer with Workers' own tracing, in workerd.
import { tracing } from "cloudflare:workers";
import { expect, test } from "vitest";
import { tracingObserver } from "../../src/observe/workers-tracing.ts";
import { given, run } from "../conformance/faults.suite.ts";

test("a drain whose handlers run inside spans of Workers' own tracing handles as it does without", async () => {
  const server = await given(3);
  const report = await run(server.wsUrl, { observer: tracingObserver(tracing) });
  expect(report).toMatchObject({ outcome: "completed", reason: "empty", acked: 3 });
  expect(report.findings.map(({ code }) => code)).not.toContain("observer-failed");
});
