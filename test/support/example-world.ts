// What the examples of docstrings take for granted: a drain, its bindings, and what their platforms give.
import { type Drain, defineDrain, type Report } from "../../src/index.ts";
import type { Dataset, Tracing } from "../../src/observe/index.ts";
import { testDrain } from "../../src/testing/index.ts";
import type { AlarmStorage, Self, SelfBinding } from "../../src/triggers/cloudflare.ts";

export type { NatsConnection } from "@nats-io/nats-core";
export { Hono } from "hono";

export interface Env {
  readonly NATS_URL: string;
  readonly DRAIN_TOKEN: string;
  readonly QSTASH_CURRENT_SIGNING_KEY: string;
  readonly DRAINS: Dataset;
  readonly SELF: Self & SelfBinding;
}

export const options = {
  servers: "wss://nats.example.com",
  stream: "ORDERS",
  consumer: "billing",
  handler: (): void => {},
};

/** It drains what testDrain makes up, so that an example may run it. */
export const orders: Drain<Env> = {
  run: async (): Promise<Report> =>
    (await testDrain(options, { messages: [{ subject: "orders.new" }] })).report,
};

export const env: Env = {
  NATS_URL: options.servers,
  DRAIN_TOKEN: "a token of some length",
  QSTASH_CURRENT_SIGNING_KEY: "sig_key",
  DRAINS: { writeDataPoint: () => {} },
  SELF: {
    drain: () => orders.run({ env, limitMs: 25_000 }),
    fetch: async () => Response.json(await orders.run({ env, limitMs: 25_000 })),
  },
};

/** Deno's own, as far as the examples call it. */
export const Deno = {
  cron: (
    _name: string,
    _schedule: string,
    _how: { backoffSchedule: number[] },
    run: () => Promise<void>,
  ): void => {
    // Nothing ticks here; a drain is what would run.
    if (typeof run !== "function") throw new TypeError("Deno.cron takes a handler");
  },
};

class EntryPoint<Bindings> {
  protected readonly ctx: { readonly storage: AlarmStorage } = { storage: { setAlarm: async () => {} } };
  protected readonly env: Bindings;
  constructor(env: Bindings) {
    this.env = env;
  }
}

// `cloudflare:workers` and `cloudflare:workflows`, which only workerd can import.
export class DurableObject<Bindings> extends EntryPoint<Bindings> {
  async alarm(): Promise<void> {}
}
export class WorkerEntrypoint<Bindings> extends EntryPoint<Bindings> {}
export class WorkflowEntrypoint<Bindings> extends EntryPoint<Bindings> {
  async run(_event: unknown, _step: WorkflowStep): Promise<void> {}
}
export interface WorkflowStep {
  do<T>(name: string, config: { readonly retries: object }, callback: () => Promise<T>): Promise<T>;
}
export class NonRetryableError extends Error {}
export const tracing: Tracing = { enterSpan: (_name, callback) => callback({ setAttribute: () => {} }) };

/** Inngest's. */
export class NonRetriableError extends Error {}

// Defined as a user defines it, so that what the examples take for granted is right.
defineDrain(options);
