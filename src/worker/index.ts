// The deployable Worker: each message of a consumer becomes a POST to a target, by cron and by POST /drain.
import { CRON_LIMIT_MS, scheduled } from "../triggers/cron.ts";
import { app, drainWithin } from "./app.ts";
import { limitMsOf } from "./config.ts";
import { logReport } from "./log.ts";

export default {
  fetch: app.fetch,
  scheduled: scheduled(drainWithin(CRON_LIMIT_MS), { limitMs: limitMsOf, onReport: logReport }),
  // `Env` is what `wrangler types` reads from wrangler.toml: a var there that Vars does not know fails here.
} satisfies ExportedHandler<Env>;
