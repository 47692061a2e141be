// What the cron trigger runs, with a dashboard or without.
import { LIMITS_MS, scheduled } from "../triggers/cloudflare.ts";
import { drainWithin } from "./app.ts";
import { limitMsOf } from "./config.ts";
import { logReport } from "./log.ts";
import type { Vars } from "./vars.ts";

export const cron: ReturnType<typeof scheduled<Vars>> = scheduled(drainWithin(LIMITS_MS.cron), {
  limitMs: limitMsOf,
  onReport: logReport,
});
