// The deployable Worker: each message of a consumer becomes a POST to a target, by cron and by POST /drain.
import { app } from "./app.ts";
import { cron } from "./cron.ts";
import { onMessage, withSelf } from "./fan-out.ts";

export { Drains } from "./drains.ts";

export default {
  fetch: (request, env, context) => app.fetch(request, withSelf(env, context), context),
  scheduled: (controller, env, context) => cron(controller, withSelf(env, context)),
  queue: onMessage,
  // `Env` is what `wrangler types` reads from wrangler.toml: a var there that Vars does not know fails here.
} satisfies ExportedHandler<Env>;
