// Spans as OpenTelemetry's own SDK exports them.
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { expect, test } from "vitest";
import { openTelemetryObserver } from "../../src/observe/opentelemetry.ts";
import { parseTraceparent } from "../../src/observe/traceparent.ts";
import { fakeMessage } from "../../src/testing/message.ts";
import { reportOf } from "../support/report.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
const DRAIN = { stream: "EVENTS", consumer: "sluice", limitMs: 1_000, at: new Date() };

test("a drain is a span with its Fetch, handlers and settling inside, and what was published is linked", () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const observer = openTelemetryObserver({ tracer: provider.getTracer("test") }).start?.(DRAIN) ?? undefined;
  observer?.connected?.({ connectMs: 5 });
  const message = fakeMessage({ subject: "events.x", data: "secret", headers: { traceparent: TRACEPARENT } });
  const observed = observer?.message?.(message);
  expect(observed?.run?.(() => "result")).toBe("result");
  observed?.end?.({ settlement: "retry", error: new TypeError("secret"), durationMs: 3 });
  observer?.fetched?.({ reason: "empty", messages: 1, heartbeats: 0, durationMs: 10 });
  observer?.settled?.({ confirmed: 1, unconfirmed: 0, durationMs: 2 });
  observer?.report?.(reportOf());

  const spans = exporter.getFinishedSpans();
  expect(spans.map(({ name }) => name)).toEqual([
    "process EVENTS",
    "receive EVENTS",
    "settle EVENTS",
    "drain EVENTS",
  ]);
  const [process, receive, settle, drain] = spans;
  for (const span of [process, receive, settle]) {
    expect(span?.parentSpanContext?.spanId).toBe(drain?.spanContext().spanId);
  }
  expect(process?.links[0]?.context.traceId).toBe(TRACE_ID);
  expect(process?.attributes).toMatchObject({
    "messaging.operation.type": "process",
    "error.type": "TypeError",
  });
  const own = process?.spanContext();
  expect(observed?.headers).toEqual({ traceparent: `00-${own?.traceId}-${own?.spanId}-01` });
  const exported = spans.map(({ name, attributes, events, status }) => ({
    name,
    attributes,
    events,
    status,
  }));
  expect(JSON.stringify(exported)).not.toContain("secret");
});

test("without a provider there is no header to pass on", () => {
  const observer = openTelemetryObserver().start?.(DRAIN) ?? undefined;
  expect(observer?.message?.(fakeMessage({ subject: "events.x" }))?.headers).toEqual({});
});

test.each([
  ["", undefined],
  [TRACEPARENT, TRACE_ID],
  [`${TRACEPARENT}-more`, undefined],
  [`01${TRACEPARENT.slice(2)}-more`, TRACE_ID],
  [`ff${TRACEPARENT.slice(2)}`, undefined],
  [TRACEPARENT.toUpperCase(), undefined],
  [TRACEPARENT.replace(TRACE_ID, "0".repeat(32)), undefined],
])("the traceparent %j names the trace %s", (header, traceId) => {
  expect(parseTraceparent(header)?.traceId).toBe(traceId);
});
