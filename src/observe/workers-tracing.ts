// An observer that traces with Workers' own tracing: a span for each handler, around all that it does.
import type { ObservedMessage, Observer } from "./observer.ts";

/** The part of a span of Workers that is used. */
export interface TracingSpan {
  /** Adds an attribute to the span. */
  setAttribute(name: string, value: string | number | boolean): void;
}

/** The part of `tracing` from `cloudflare:workers` that is used. */
export interface Tracing {
  /** Runs the callback inside a span, which ends when what it returns is settled. */
  enterSpan<T>(name: string, callback: (span: TracingSpan) => T): T;
}

/**
 * A span for each handler in the invocation's trace; what the handler fetches is inside it. No body
 * and no error's text.
 *
 * @example
 * // import { tracing } from "cloudflare:workers";
 * defineDrain({ ...options, observer: tracingObserver(tracing) });
 */
export function tracingObserver(tracing: Tracing): Observer {
  return {
    message: ({ id, stream, consumer, deliveryCount }): ObservedMessage => ({
      run: (handler) =>
        tracing.enterSpan(`process ${stream}`, (span) => {
          span.setAttribute("messaging.system", "nats");
          span.setAttribute("messaging.destination.name", stream);
          span.setAttribute("messaging.consumer.group.name", consumer);
          span.setAttribute("messaging.operation.type", "process");
          span.setAttribute("messaging.message.id", id);
          span.setAttribute("sluice.delivery_count", deliveryCount);
          return handler();
        }),
    }),
  };
}
