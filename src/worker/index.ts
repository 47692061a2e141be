// The deployable Worker: each message of a consumer becomes a POST to a target, by cron and by POST /drain.
import { Hono } from "hono";
import { type DrainOptions, defineDrain, type Report } from "../index.ts";
import { scheduled } from "../triggers/cron.ts";
import { drainRoutes, problem } from "../triggers/http.ts";
import { checkDrainToken, readConfig, type Vars } from "./config.ts";
import { forward } from "./forward.ts";

function drainOptions(env: Vars): DrainOptions<Vars> {
  const { server, auth, stream, consumer, target, targetUrl, ...config } = readConfig(env);
  return {
    servers: server,
    auth,
    stream,
    consumer,
    handler: (message, { signal }) => forward(message, { url: targetUrl, target }, signal),
    // The name only: an error's text may quote what it met.
    onError: (error, message) =>
      console.error(
        JSON.stringify({
          event: "handler-failed",
          id: message.id,
          error: error instanceof Error ? error.name : typeof error,
        }),
      ),
    batch: config.batch,
    concurrency: config.concurrency,
    maxWaitMs: config.maxWaitMs,
    fetches: config.fetches,
    deadLetter: config.deadLetter,
  };
}

/** One line of JSON a drain, for Workers Logs. A report holds no body and no secret. */
function logReport(report: Report): void {
  const line = JSON.stringify({ event: "drain", ...report });
  if (report.outcome === "completed") console.log(line);
  else console.error(line);
}

const drain = defineDrain<Vars>(drainOptions);
const limitMs = (env: Vars): number | undefined => readConfig(env).limitMs;

const app = new Hono<{ Bindings: Vars }>();

app.get("/healthz", (c) => c.json({ status: "ok" }));

// Before anything else, and whoever asks: the names of vars are no secret, and a Worker that cannot work must say why.
app.use(async (c, next) => {
  readConfig(c.env);
  checkDrainToken(c.env);
  await next();
});

app.route("/", drainRoutes(drain, { token: (env) => env.DRAIN_TOKEN, limitMs, onReport: logReport }));

app.notFound((c) =>
  problem({ status: 404, title: "Not Found", detail: `There is no ${new URL(c.req.url).pathname} here.` }),
);

app.onError((error) => {
  if ("code" in error && error.code === "SLUICE_INVALID_OPTION") {
    return problem({ status: 500, title: "The Worker is not configured", detail: error.message });
  }
  console.error(JSON.stringify({ event: "unexpected-error", error: error.name }));
  return problem({
    status: 500,
    title: "Internal Server Error",
    detail: "An unexpected error; the log has its name.",
  });
});

const onCron = scheduled(drain, {
  // A malformed LIMIT_MS is the drain's to report, with every other var.
  limitMs: (env) => {
    try {
      return limitMs(env);
    } catch {
      return undefined;
    }
  },
  onReport: logReport,
});

export default {
  fetch: app.fetch,
  scheduled: onCron,
  // `Env` is what `wrangler types` reads from wrangler.toml: a var there that Vars does not know fails here.
} satisfies ExportedHandler<Env>;
