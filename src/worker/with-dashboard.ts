// The deployable Worker with its dashboard at `GET /` and `GET /metrics`: wrangler.toml's `main`
// for whoever wants them. It is an entry of its own so that a Worker without them does not carry
// their code.
import { workerApp } from "./app.ts";
import { cron } from "./cron.ts";
import { pages } from "./dashboard.ts";

export default {
  fetch: workerApp(pages).fetch,
  scheduled: cron,
} satisfies ExportedHandler<Env>;
