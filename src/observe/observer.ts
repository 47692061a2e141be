// What a drain tells the world as it goes: the one interface that logs, metrics and traces are adapters of.
import type { Message } from "../message/message.ts";
import type { Report } from "../report/report.ts";

/** How one message's handler ended, and what was asked of the server for it. */
export interface MessageEnd {
  readonly settlement: "ack" | "retry" | "reject" | "dead-letter" | "exhausted" | "release";
  /** What the handler threw, if it did. */
  readonly error?: unknown;
  /** From the handler's start to its end, in milliseconds. */
  readonly durationMs: number;
}

/** A message under a handler, as an observer follows it. */
export interface ObservedMessage {
  /**
   * Runs the handler: a tracer makes its span the current one here. It must call `handler` once and
   * return its result.
   */
  run?<T>(handler: () => T): T;
  /**
   * Headers to pass on to what the handler calls, as `traceparent`: the handler finds them in its context.
   */
  readonly headers?: Readonly<Record<string, string>>;
  /** The handler has ended, and what becomes of the message is decided. */
  end?(end: MessageEnd): void;
}

/**
 * Is told what a drain does. Every method may be left out; one that throws is not called again in
 * that drain, and a promise that it returns is waited for by nobody but `report`'s: for a second at
 * most, inside the budget.
 */
export interface Observer {
  /**
   * A drain begins. An observer that this returns is told the rest of that drain in place of this
   * one: drains may overlap, and what one keeps must not be another's.
   */
  start?(drain: {
    readonly stream: string;
    readonly consumer: string;
    readonly limitMs: number;
    readonly at: Date;
  }): Observer | undefined | void;
  /** The connection is open and authenticated. */
  connected?(connection: { readonly connectMs: number }): void;
  /** A Fetch has ended. Never called for the pulls that make it up. */
  fetched?(fetch: {
    readonly reason: string;
    readonly messages: number;
    readonly heartbeats: number;
    readonly durationMs: number;
  }): void;
  /** A handler is about to start. */
  message?(message: Message<unknown>): ObservedMessage | undefined;
  /** Every settlement is confirmed, or can no longer be. */
  settled?(counts: {
    readonly confirmed: number;
    readonly unconfirmed: number;
    readonly durationMs: number;
  }): void;
  /** The drain has ended. Last of all, and at most once. */
  report?(report: Report): void | Promise<void>;
}
