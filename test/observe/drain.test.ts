// Observers of a real drain: what each is told, that none can harm it, and that a trace goes through it to the target.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { headers } from "@nats-io/nats-core";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type DrainSettings, defineDrain, type Handler, type Observer, retry } from "../../src/index.ts";
import { openTelemetryObserver } from "../../src/observe/opentelemetry.ts";
import { connectAs } from "../support/delivery.ts";
import { type LabServer, labServer } from "../support/lab-client.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

let server: LabServer;
beforeEach(async () => {
  server = await labServer();
  await server.createStream("EVENTS");
  await server.createConsumer("EVENTS", "sluice", { max_deliver: 10 });
});

async function drain(observer: Observer, handler: Handler = () => {}, own: Partial<DrainSettings> = {}) {
  return await defineDrain({
    servers: server.wsUrl,
    auth: { user: "drain", password: "drain-pw" },
    stream: "EVENTS",
    consumer: "sluice",
    maxWaitMs: 1_000,
    observer,
    handler,
    ...own,
  }).run({ limitMs: 10_000 });
}

const CALLS = ["start", "connected", "fetched", "message", "settled", "report"] as const;

it("an observer is told of the start, the connection, each message, the Fetch, the settling and the report", async () => {
  await server.publish("EVENTS.made", 2);
  const told: string[] = [];
  const report = await drain({
    start: () => void told.push("start"),
    connected: () => void told.push("connected"),
    message: ({ sequence }) => {
      told.push(`message ${sequence}`);
      return { end: ({ settlement }) => void told.push(`end ${settlement}`) };
    },
    fetched: ({ messages }) => void told.push(`fetched ${messages}`),
    settled: ({ confirmed }) => void told.push(`settled ${confirmed}`),
    report: ({ reason }) => void told.push(`report ${reason}`),
  });
  expect(report).toMatchObject({ acked: 2, findings: [] });
  expect(told.filter((each) => !each.startsWith("fetched"))).toEqual([
    "start",
    "connected",
    "message 1",
    "end ack",
    "message 2",
    "end ack",
    "settled 2",
    "report empty",
  ]);
  expect(told).toContain("fetched 2");
});

it("an observer is told what a handler threw, at once or later, and nothing of one that only asks for a retry", async () => {
  await server.publish("EVENTS.made", 3);
  const errors: unknown[] = [];
  const observer: Observer = {
    message: ({ deliveryCount }) => ({
      end: ({ error }) => void (deliveryCount === 1 && errors.push(error)),
    }),
  };
  const handlers: readonly Handler[] = [
    () => {
      throw new TypeError("no price");
    },
    async () => await Promise.reject(new RangeError("no stock")),
    () => retry(),
  ];
  await drain(observer, (message, context) => handlers[message.sequence - 1]?.(message, context), {
    maxWaitMs: 100,
  });
  expect(errors).toEqual([new TypeError("no price"), new RangeError("no stock"), undefined]);
});

describe("an observer harms no drain", () => {
  const harmful: readonly [how: string, call: () => never][] = [
    [
      "throws",
      () => {
        throw new Error("observer");
      },
    ],
    ["rejects", () => Promise.reject(new Error("observer")) as never],
    ["hangs", () => new Promise<void>(() => {}) as never],
  ];

  it.each(harmful)("that %s in each of its methods", async (how, call) => {
    await server.publish("EVENTS.made", 3);
    for (const name of CALLS) {
      const report = await drain({ [name]: call }, () => {}, { maxWaitMs: 100 });
      expect(report).toMatchObject({ outcome: "completed", unconfirmed: 0 });
      // Of one that fails at the end the report is made already.
      const isTold = how !== "hangs" && name !== "report" && (name !== "message" || report.fetched > 0);
      expect([name, report.findings.map(({ code }) => code)]).toEqual([
        name,
        isTold ? ["observer-failed"] : [],
      ]);
    }
    expect(await server.consumerState("EVENTS", "sluice")).toMatchObject({ pending: 0, ackPending: 0 });
  });

  it("that hangs at its end, for longer than a second", async () => {
    const startedAt = performance.now();
    await drain({ report: () => new Promise(() => {}) }, () => {}, { maxWaitMs: 100 });
    expect(performance.now() - startedAt).toBeLessThan(6_000);
  });

  it.each(harmful)("that %s around a handler and at its end", async (_how, call) => {
    await server.publish("EVENTS.made", 3);
    const report = await drain({ message: () => ({ run: call, end: call }) });
    expect(report).toMatchObject({ outcome: "completed", acked: 3 });
  });
});

it("a handler that rejects inside an observer is the handler's failure, and not the observer's", async () => {
  await server.publish("EVENTS.made", 1);
  const observer = { message: () => ({ run: <T>(handler: () => T): T => handler() }) };
  const report = await drain(observer, async () => await Promise.reject(new Error("no price")));
  expect(report.findings.map(({ code }) => code)).toContain("handler-failed");
  expect(report.findings.map(({ code }) => code)).not.toContain("observer-failed");
});

it("a trace goes on from the message to the target, and the drain has its spans", async () => {
  const { nats } = await connectAs("admin", server.wsUrl);
  onTestFinished(() => nats.close());
  const published = headers();
  published.set("traceparent", TRACEPARENT);
  nats.publish("EVENTS.made", "body", { headers: published });
  await nats.flush();
  const seen: (string | undefined)[] = [];
  const target = createServer((request, response) => {
    seen.push(String(request.headers.traceparent));
    response.writeHead(204).end();
  });
  await new Promise<void>((listening) => target.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void target.close());
  const { port } = target.address() as AddressInfo; // it listens on a port
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const observer = openTelemetryObserver({ tracer: provider.getTracer("test") });
  const report = await drain(observer, async (_message, context) => {
    return await fetch(`http://127.0.0.1:${port}/`, { method: "POST", headers: context.headers });
  });
  expect(report.acked).toBe(1);
  const spans = exporter.getFinishedSpans();
  expect(spans.map(({ name }) => name).sort()).toEqual([
    "drain EVENTS",
    "process EVENTS",
    "receive EVENTS",
    "settle EVENTS",
  ]);
  const of = (name: string) => spans.find((span) => span.name.startsWith(name));
  const process = of("process");
  expect(process?.links.map(({ context }) => context.traceId)).toEqual([TRACE_ID]);
  expect(process?.parentSpanContext?.spanId).toBe(of("drain")?.spanContext().spanId);
  const { traceId, spanId } = process?.spanContext() ?? {};
  expect(seen).toEqual([`00-${traceId}-${spanId}-01`]);
  for (const span of spans) expect(span.attributes["messaging.system"]).toBe("nats");
  expect(of("drain")?.attributes).toMatchObject({ "sluice.outcome": "completed", "sluice.reason": "empty" });
});

it("a drain carries what is wrong with its consumer, at no round trip more", async () => {
  await server.createConsumer("EVENTS", "short", { ack_wait: 1_000_000_000, max_deliver: 2 });
  const report = await drain({}, () => {}, { consumer: "short", handlerTimeoutMs: 5_000, maxWaitMs: 100 });
  expect(report.findings.map(({ code, mend }) => [code, mend])).toEqual([
    ["ack-wait", "nats consumer edit EVENTS short --wait 10s --force"],
    ["max-deliver-few", "nats consumer edit EVENTS short --max-deliver 10 --force"],
  ]);
});
