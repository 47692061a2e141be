// The report of the button's drain, on its way to the page that follows: a drain without a history
// would leave nothing to see. A signed cookie that ends in a minute.
import type { Context } from "hono";
import { getSignedCookie, setSignedCookie } from "hono/cookie";
import type { Report } from "../index.ts";
import { readReport } from "../observe/history-record.ts";
import { isSecure } from "./session.ts";

const COOKIE = "sluice_report";
const LIFE_SECONDS = 60;
/** Browsers take 4 KiB for a cookie, its name, signature and attributes included. */
const MAX_LENGTH = 3_600;

export async function keepReport(c: Context, report: Report, token: string): Promise<void> {
  // Of what is too long the findings are.
  const kept = [report, { ...report, findings: [] }]
    .map((each) => JSON.stringify(each))
    .find((text) => encodeURIComponent(text).length <= MAX_LENGTH);
  if (kept === undefined) return;
  await setSignedCookie(c, COOKIE, kept, token, {
    path: "/",
    httpOnly: true,
    sameSite: "Strict",
    secure: isSecure(c),
    maxAge: LIFE_SECONDS,
  });
}

/** The reports, with the button's where they do not have it. */
export async function withKept(
  c: Context,
  reports: readonly Report[],
  token: string,
): Promise<readonly Report[]> {
  const kept = await getSignedCookie(c, token, COOKIE);
  const report = typeof kept === "string" ? decode(kept) : undefined;
  const last = reports.at(-1)?.startedAt ?? "";
  // Another drain may have come since.
  return report === undefined || report.startedAt <= last ? reports : [...reports, report];
}

function decode(text: string): Report | undefined {
  try {
    return readReport(JSON.parse(text));
  } catch {
    return undefined;
  }
}
