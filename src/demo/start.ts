// The demo: GitHub's example webhooks go through a nats-server into the Worker and on to a target.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { BUCKET, CONSUMER, type DemoServer, INBOX_PREFIX, STREAM, startDemoServer } from "./demo-server.ts";
import { type DevWorker, startDevWorker } from "./dev-worker.ts";
import { cronUrl, drainUntilEmpty, drainUrl } from "./drains.ts";
import { loadEvents } from "./events.ts";
import { findNatsBinary } from "./nats-binary.ts";
import { startProgress } from "./progress.ts";
import { drainTable, eventTable, isComplete, summarize } from "./summary.ts";
import { startTarget, type Target } from "./target.ts";

/** The Worker's vars that shape the demo: small batches make several drains, and no drain waits long. */
const DRAIN_VARS = { BATCH: "100", CONCURRENCY: "6", MAX_WAIT_MS: "1000" } as const;

const WIDTH_WITHOUT_TERMINAL = 100;

/**
 * Runs it to its end, or until `signal` aborts.
 *
 * @param port of the Worker on 127.0.0.1; 0 is a free one
 * @returns the exit code: 0 when every event got through
 */
export async function runDemo(exitWhenDone: boolean, port: number, signal: AbortSignal): Promise<number> {
  const progress = startProgress(process.stderr);
  await refuseTakenPort(port);
  const events = loadEvents();
  const binary = await findNatsBinary({ log: progress.line, signal });
  await using server = await startDemoServer(binary, signal);
  progress.line(`nats-server ${server.version} at ${server.wsUrl}, its store in a temporary folder`);

  await server.publish(events);
  const { published } = await server.state();
  progress.line(`${published} GitHub webhooks published to the stream ${STREAM}`);

  await using target = await startTarget(() => progress.update(target.received(), published));
  const token = randomBytes(18).toString("base64url");
  await using worker = await startDevWorker({ ...workerConfig(server, target, token), port, signal });
  progress.line(`Worker in workerd at ${worker.url}, forwarding to the target at ${target.url}`);

  progress.update(0, published);
  const drains = await drainUntilEmpty({
    worker,
    token,
    state: server.state,
    onDrain: ({ trigger, answer }) => progress.line(`drain by ${trigger}: ${answer}`),
    signal,
  }).finally(progress.end);

  const summary = summarize(await server.state(), target.received(), drains);
  const width = process.stdout.columns ?? WIDTH_WITHOUT_TERMINAL;
  console.log(
    `\n${eventTable(target.receivedByType(), width)}\n\n${drainTable(drains)}\n\n${JSON.stringify(summary)}`,
  );
  if (!exitWhenDone) {
    progress.line(whatToTry(server, worker, target, token));
    await untilEnded(server, worker, signal);
  }
  return isComplete(summary) ? 0 : 1;
}

function workerConfig(
  server: DemoServer,
  target: Target,
  token: string,
): Pick<Parameters<typeof startDevWorker>[0], "vars" | "secrets" | "entry"> {
  return {
    vars: {
      NATS_URL: server.wsUrl,
      NATS_STREAM: STREAM,
      NATS_CONSUMER: CONSUMER,
      TARGET_URL: target.url,
      HISTORY_BUCKET: BUCKET,
      NATS_INBOX_PREFIX: INBOX_PREFIX,
      ...DRAIN_VARS,
    },
    secrets: { NATS_USER: server.worker.user, NATS_PASSWORD: server.worker.password, DRAIN_TOKEN: token },
    entry: "with-dashboard.ts",
  };
}

function whatToTry(server: DemoServer, worker: DevWorker, target: Target, token: string): string {
  const login = `${server.admin.user}:${server.admin.password}`;
  const admin = server.natsUrl.replace("//", `//${login}@`);
  return `
Everything keeps running; Ctrl-C ends it. To try:
  dashboard:       ${worker.url} (log in with ${token})
  publish:         nats --server ${admin} pub github.ping '{"zen":"Keep it simple."}'
  drain:           curl -X POST -H 'Authorization: Bearer ${token}' ${drainUrl(worker.url)}
  drain by cron:   curl '${cronUrl(worker.url)}'
  Worker's health: curl ${new URL("/healthz", worker.url).href}
  target's count:  curl ${target.url}`;
}

/** Waits for Ctrl-C, or for a server that ends by itself. */
async function untilEnded(server: DemoServer, worker: DevWorker, signal: AbortSignal): Promise<never> {
  const ended = await Promise.race([
    once(signal, "abort").then(() => "the demo"),
    server.exited.then(() => "nats-server"),
    worker.exited.then(() => "the Worker's dev server"),
  ]);
  signal.throwIfAborted();
  throw new Error(`${ended} ended unexpectedly: start the demo again`);
}

/** Before anything is started: wrangler would say it late, and in its own words. */
async function refuseTakenPort(port: number): Promise<void> {
  const probe = createServer();
  try {
    await once(probe.listen(port, "127.0.0.1"), "listening");
  } catch (cause) {
    const taken = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
    const why = taken ? "is taken" : "cannot be listened on";
    throw new Error(`--port ${port}: the port ${why} on 127.0.0.1; choose another, or leave --port out`, {
      cause,
    });
  } finally {
    probe.close();
  }
}
