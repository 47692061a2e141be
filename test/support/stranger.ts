// What a user's project has of every entry: test/package.matrix.test.ts compiles it against the packed package.
import { type Auth, defineDrain, type Handler, queueHandler, type Report, reject, retry } from "sluice";
import { scheduled } from "sluice/cloudflare";
import { dashboardRoutes } from "sluice/dashboard";
import { drainCron } from "sluice/deno";
import { bearer, drainHandler } from "sluice/fetch";
import { drainRoutes } from "sluice/hono";
import { lambdaHandler } from "sluice/lambda";
import { logObserver } from "sluice/observe";
import { openTelemetryObserver } from "sluice/opentelemetry";
import { qstash } from "sluice/qstash";
import { FakeClock, fakeMessage, testDrain } from "sluice/testing";

interface Env {
  readonly NATS_URL: string;
  readonly TOKEN: string;
}

const auth: Auth = { token: "secret" };
export const observers = [logObserver()];
const handler: Handler = ({ deliveryCount }) => (deliveryCount > 9 ? reject("no") : retry({ delayMs: 5 }));
const options = { servers: "wss://nats.example.com", auth, stream: "S", consumer: "C", handler };
const plain = defineDrain(options);
const bound = defineDrain((env: Env) => ({
  servers: env.NATS_URL,
  stream: "S",
  consumer: "C",
  batchHandler: queueHandler((batch) => batch.ackAll()),
  observer: openTelemetryObserver(),
}));

export const report: Promise<Report> = plain.run({ limitMs: 1_000 });
export const made: unknown[] = [
  scheduled(plain),
  scheduled(bound),
  drainCron(plain),
  drainHandler(bound, { authorize: bearer((env) => env.TOKEN) }),
  drainHandler(plain, { authorize: qstash({ currentKey: "key" }) }),
  drainRoutes(plain, { token: "secret" }),
  drainRoutes(bound, { token: (env) => env.TOKEN }),
  lambdaHandler(plain),
  dashboardRoutes<Env>({ token: (env) => env.TOKEN, view: () => Promise.reject(), drain: () => report }),
  testDrain(options, { messages: [fakeMessage({ subject: "orders.new" })] }),
  FakeClock,
];
// @ts-expect-error: the stream has a name, and the rest is missing.
defineDrain({ stream: 1 });
