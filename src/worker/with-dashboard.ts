// The deployable Worker with its dashboard at `GET /` and `GET /metrics`: wrangler.toml's `main` for whoever wants them. It is
// an entry of its own so that a Worker without them does not carry their code.
import { LIMITS_MS, scheduled } from "../triggers/cloudflare.ts";
import { drainWithin, workerApp } from "./app.ts";
import { limitMsOf } from "./config.ts";
import { pages } from "./dashboard.ts";
import { logReport } from "./log.ts";

export default {
  fetch: workerApp(pages).fetch,
  scheduled: scheduled(drainWithin(LIMITS_MS.cron), { limitMs: limitMsOf, onReport: logReport }),
} satisfies ExportedHandler<Env>;
