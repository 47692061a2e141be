// The deployable Worker: each message of a consumer becomes a POST to a target, by cron and by POST /drain.
import { app } from "./app.ts";
import { cron } from "./cron.ts";

export default {
  fetch: app.fetch,
  scheduled: cron,
  // `Env` is what `wrangler types` reads from wrangler.toml: a var there that Vars does not know fails here.
} satisfies ExportedHandler<Env>;
