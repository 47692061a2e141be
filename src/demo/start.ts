// `sluice start`, the demo: GitHub's example webhooks go through a nats-server into the Worker and on to a target.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { type Command, defineCommand, EXIT, UsageError } from "../cli/command.ts";
import { CONSUMER, type DemoServer, STREAM, startDemoServer } from "./demo-server.ts";
import { needInstalled } from "./dev-dependency.ts";
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

export const start: Command = defineCommand({
  name: "start",
  description: `The demo: starts a nats-server with a stream of GitHub's example webhooks, the Worker in workerd and a small
target, drains by cron and by POST /drain until nothing is left, and says what came of it. Everything
runs on this machine; Ctrl-C ends it all and leaves nothing behind. Results go to stdout, the rest to
stderr. nats-server is the one in NATS_SERVER, on PATH, or one that is fetched.`,
  options: {
    once: {
      type: "boolean",
      description: "Exit when nothing is left, instead of keeping everything running.",
    },
    port: {
      type: "string",
      placeholder: "port",
      description: "Port of the Worker on 127.0.0.1. (default: a free one)",
    },
  },
  run: async ({ once: exitWhenDone = false, port }, signal) =>
    await runDemo(exitWhenDone, readPort(port), signal),
});

async function runDemo(exitWhenDone: boolean, port: number, signal: AbortSignal): Promise<number> {
  const progress = startProgress(process.stderr);
  await refuseTakenPort(port);
  await needInstalled("wrangler", () => import.meta.resolve("wrangler"));
  const events = await loadEvents();
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
  return isComplete(summary) ? EXIT.ok : EXIT.failure;
}

function workerConfig(
  server: DemoServer,
  target: Target,
  token: string,
): Pick<Parameters<typeof startDevWorker>[0], "vars" | "secrets"> {
  return {
    vars: {
      NATS_URL: server.wsUrl,
      NATS_STREAM: STREAM,
      NATS_CONSUMER: CONSUMER,
      TARGET_URL: target.url,
      ...DRAIN_VARS,
    },
    secrets: { NATS_USER: server.worker.user, NATS_PASSWORD: server.worker.password, DRAIN_TOKEN: token },
  };
}

function whatToTry(server: DemoServer, worker: DevWorker, target: Target, token: string): string {
  const login = `${server.admin.user}:${server.admin.password}`;
  return `
Everything keeps running; Ctrl-C ends it. To try:
  publish:         nats --server ${server.natsUrl.replace("//", `//${login}@`)} pub github.ping '{"zen":"Keep it simple."}'
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

/** @throws {@link UsageError} */
function readPort(value: string | undefined): number {
  if (value === undefined) return 0;
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port < 1 || port > 65_535)
    throw new UsageError(`--port must be a number from 1 to 65535, not '${value}'`, "sluice start");
  return port;
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
