// What the cron trigger runs, with a dashboard or without.
import { LIMITS_MS, scheduled } from "../triggers/cloudflare.ts";
import { limitMsOf } from "../vars/config.ts";
import type { Vars } from "../vars/vars.ts";
import { drainsWithin } from "./fan-out.ts";
import { logReport } from "./log.ts";

export const cron: ReturnType<typeof scheduled<Vars>> = scheduled(drainsWithin(LIMITS_MS.cron), {
  limitMs: limitMsOf,
  onReport: logReport,
});
