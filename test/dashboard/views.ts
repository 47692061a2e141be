// A dashboard over made-up drains, for tests.
import type { Hono } from "hono";
import { dashboardRoutes, type View } from "../../src/dashboard/index.tsx";
import type { Report } from "../../src/index.ts";
import { reportOf } from "../support/report.ts";

export const TOKEN = "k3yOfTheHouse-2026";

/** An app whose button makes a drain that fails, after `reports`. */
export function aDashboard(
  reports: Report[] = [],
  own: Partial<View> = {},
  known = true,
  hasHistory = true,
): Hono<{ Bindings: object }> {
  const state = { pending: 7, unacked: 3, redelivered: 1, waiting: 0 };
  return dashboardRoutes<object>({
    token: () => TOKEN,
    view: async () => ({
      stream: "EVENTS",
      consumer: "sluice",
      ...(known ? { state } : {}),
      reports,
      ...own,
    }),
    drain: async () => {
      const report = reportOf("connection-lost", { message: "It was lost." });
      if (hasHistory) reports.push(report);
      return report;
    },
  });
}
