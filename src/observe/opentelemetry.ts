/**
 * An observer that traces with OpenTelemetry, by the semantic conventions for messaging: a span for
 * the drain, and in it one for each Fetch (receive), each handler (process) and the settling
 * (settle).
 *
 * @module sluice/opentelemetry
 */
import {
  type Context,
  context,
  type Link,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Message } from "../message/message.ts";
import type { Report } from "../report/report.ts";
import type { MessageEnd, ObservedMessage, Observer } from "./observer.ts";
import { formatTraceparent, parseTraceparent } from "./traceparent.ts";

/** With which tracer. */
export interface OpenTelemetryOptions {
  /** Makes the spans. @default the global provider's tracer of the name `sluice` */
  readonly tracer?: Tracer;
}

/**
 * Traces drains. A handler's span links the message's own `traceparent`, is the current one while
 * the handler runs, and is passed on to the target as `traceparent` by `context.headers`. No body,
 * no error's text: its name only.
 *
 * @example
 * defineDrain({ ...options, observer: openTelemetryObserver() });
 */
export function openTelemetryObserver(options: OpenTelemetryOptions = {}): Observer {
  const tracer = options.tracer ?? trace.getTracer("sluice");
  return { start: ({ stream, consumer, at }) => new TracedDrain(tracer, stream, consumer, at) };
}

class TracedDrain implements Observer {
  readonly #tracer: Tracer;
  readonly #stream: string;
  readonly #attributes: Readonly<Record<string, string>>;
  readonly #span: Span;
  readonly #context: Context;

  constructor(tracer: Tracer, stream: string, consumer: string, at: Date) {
    this.#tracer = tracer;
    this.#stream = stream;
    this.#attributes = {
      "messaging.system": "nats",
      "messaging.destination.name": stream,
      "messaging.consumer.group.name": consumer,
    };
    const startTime = at.getTime();
    this.#span = tracer.startSpan(`drain ${stream}`, { startTime, attributes: this.#attributes });
    this.#context = trace.setSpan(context.active(), this.#span);
  }

  connected({ connectMs }: { readonly connectMs: number }): void {
    this.#span.addEvent("connected", { "sluice.connect_ms": connectMs });
  }

  fetched(fetch: { reason: string; messages: number; heartbeats: number; durationMs: number }): void {
    this.#past("receive", SpanKind.CLIENT, fetch.durationMs, {
      "messaging.batch.message_count": fetch.messages,
      "sluice.reason": fetch.reason,
      "sluice.heartbeats": fetch.heartbeats,
    });
  }

  message(message: Message<unknown>): ObservedMessage {
    const published = parseTraceparent(message.headers.get("traceparent"));
    const links: Link[] = published ? [{ context: published }] : [];
    const span = this.#tracer.startSpan(
      `process ${this.#stream}`,
      {
        kind: SpanKind.CONSUMER,
        links,
        attributes: {
          ...this.#attributes,
          "messaging.operation.name": "process",
          "messaging.operation.type": "process",
          "messaging.message.id": message.id,
          "sluice.delivery_count": message.deliveryCount,
        },
      },
      this.#context,
    );
    const current = trace.setSpan(this.#context, span);
    const traceparent = formatTraceparent(span.spanContext());
    return {
      run: (handler) => context.with(current, handler),
      headers: traceparent ? { traceparent } : {},
      end: (end) => endMessage(span, end),
    };
  }

  settled(counts: { confirmed: number; unconfirmed: number; durationMs: number }): void {
    this.#past("settle", SpanKind.CLIENT, counts.durationMs, {
      "messaging.batch.message_count": counts.confirmed + counts.unconfirmed,
      "sluice.unconfirmed": counts.unconfirmed,
    });
  }

  report({ outcome, reason, fetched }: Report): void {
    this.#span.setAttributes({
      "sluice.outcome": outcome,
      "sluice.reason": reason,
      "messaging.batch.message_count": fetched,
    });
    if (outcome !== "completed") {
      this.#span.setAttribute("error.type", reason);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }

  /** A span of what is over already. */
  #past(
    operation: "receive" | "settle",
    kind: SpanKind,
    durationMs: number,
    own: Readonly<Record<string, string | number>>,
  ): void {
    const endTime = Date.now();
    const attributes = {
      ...this.#attributes,
      "messaging.operation.name": operation,
      "messaging.operation.type": operation,
      ...own,
    };
    const options = { kind, startTime: endTime - durationMs, attributes };
    this.#tracer.startSpan(`${operation} ${this.#stream}`, options, this.#context).end(endTime);
  }
}

function endMessage(span: Span, { settlement, error }: MessageEnd): void {
  span.setAttribute("sluice.settlement", settlement);
  if (error !== undefined) {
    span.setAttribute("error.type", error instanceof Error ? error.name : typeof error);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
