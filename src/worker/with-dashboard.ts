// The deployable Worker with its dashboard at `GET /` and `GET /metrics`: wrangler.toml's `main`
// for whoever wants them. It is an entry of its own so that a Worker without them does not carry
// their code.
import { workerApp } from "./app.ts";
import { cron } from "./cron.ts";
import { pages } from "./dashboard.ts";
import { onMessage, withSelf } from "./fan-out.ts";

const app = workerApp(pages);

export { Drains } from "./drains.ts";

export default {
  fetch: (request, env, context) => app.fetch(request, withSelf(env, context), context),
  scheduled: (controller, env, context) => cron(controller, withSelf(env, context)),
  queue: onMessage,
} satisfies ExportedHandler<Env>;
