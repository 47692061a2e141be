// What doctor is asked, and what it found.
import type { Budget } from "../../budget.ts";
import type { Finding, Report } from "../../report/report.ts";
import type { LoginOptions } from "../login.ts";

export const NAME = "sluice doctor";

export interface DoctorOptions extends LoginOptions {
  readonly stream?: string;
  readonly consumer?: string;
  readonly domain?: string;
  readonly limit?: string;
  readonly every?: string;
  readonly worker?: string;
  readonly env?: string;
  readonly json?: boolean;
}

/** What `--json` prints. */
export interface Diagnosis {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  /** Null where the limit is not known, or too small. */
  readonly budget: Budget | null;
  /** How a drain would end now, as far as can be known without taking a message. */
  readonly report: Report;
}
