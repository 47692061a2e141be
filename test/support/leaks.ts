// Set up for each test file that runs in Node: beside what leaks-look.ts looks through, every report and option's error.
import { vi } from "vitest";
import { look } from "./leaks-look.ts";

vi.mock(import("../../src/report/report.ts"), async (original) => {
  const module = await original();
  const makeReport: typeof module.makeReport = (...given) => {
    const report = module.makeReport(...given);
    look("a report", report);
    return report;
  };
  return { ...module, makeReport };
});

vi.mock(import("../../src/checks.ts"), async (original) => {
  const module = await original();
  const invalidOption: typeof module.invalidOption = (...given) => {
    const error = module.invalidOption(...given);
    // Its message shows a developer the value of an option that is no secret; all others are told the problem alone.
    look("an option's error", error.problem);
    return error;
  };
  return { ...module, invalidOption };
});
