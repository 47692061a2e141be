// The vars that doctor reads: each that would end every drain of the Worker is named.
import { expect, it } from "vitest";
import { checkVars } from "../../src/cli/doctor/vars.ts";

it.each([
  [{ BATCH: "0" }, "BATCH must be a whole number from 1"],
  [{ FETCHES: "0" }, "FETCHES must be"],
  [{ CONCURRENCY: "0" }, "CONCURRENCY must be"],
  [{ MAX_WAIT_MS: "soon" }, "MAX_WAIT_MS must be a whole number"],
  [{ HANDLER_TIMEOUT_MS: "0" }, "HANDLER_TIMEOUT_MS must be"],
  [{ STOP_AFTER_FAILURES: "0" }, "STOP_AFTER_FAILURES must be"],
  [{ UNTIL: "noon" }, "UNTIL must be one of empty, limit"],
  [{ DRAINS: "33" }, "DRAINS must be a whole number from 1 to 32"],
  [{ LIMIT_MS: "100" }, "LIMIT_MS must be a whole number from 450"],
  [{ DEAD_LETTER_SUBJECT: "dlq.x", MAX_DELIVERIES: "0" }, "MAX_DELIVERIES must be"],
  [{ DEAD_LETTER_SUBJECT: "dlq.>" }, "DEAD_LETTER_SUBJECT must be"],
  [{ MAX_DELIVERIES: "5" }, "DEAD_LETTER_SUBJECT is not set, and MAX_DELIVERIES needs it"],
])("checkVars names what is wrong in %j", (vars, problem) => {
  expect(() => checkVars(vars)).toThrow(problem);
});

it("checkVars passes what the Worker takes", () => {
  const vars = { BATCH: "500", UNTIL: "limit", DRAINS: "4", LIMIT_MS: "55000", DEAD_LETTER_SUBJECT: "dlq.x" };
  expect(() => checkVars(vars)).not.toThrow();
  expect(() => checkVars({})).not.toThrow();
});
