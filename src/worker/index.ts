// The deployable Worker: each message of a consumer becomes a POST to a target, by cron and by POST /drain.
import { LIMITS_MS, scheduled } from "../triggers/cloudflare.ts";
import { app, drainWithin } from "./app.ts";
import { limitMsOf } from "./config.ts";
import { logReport } from "./log.ts";

export default {
  fetch: app.fetch,
  scheduled: scheduled(drainWithin(LIMITS_MS.cron), { limitMs: limitMsOf, onReport: logReport }),
  // `Env` is what `wrangler types` reads from wrangler.toml: a var there that Vars does not know fails here.
} satisfies ExportedHandler<Env>;
