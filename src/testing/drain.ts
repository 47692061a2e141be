// testDrain(): one run of a drain over made-up messages, and what became of each.

import { defineDrain, type OptionsSource, runInput, type WithEnv } from "../drain.ts";
import type { Codec, CodecValues } from "../message/value.ts";
import type { AnyOptions } from "../options.ts";
import type { Report } from "../report/report.ts";
import { HandlerWatch } from "./handler-watch.ts";
import { type Delivery, type FakeMessage, makeDelivery } from "./message.ts";
import {
  type PublishedMessage,
  readSettlements,
  redeliveries,
  sortPublished,
  type TestSettlement,
} from "./outcome.ts";
import { type FakeConsumer, FakeServer } from "./server.ts";

/** What a run is given. */
export type TestInput<Env> = WithEnv<Env> & TestSettings;

/** What a run is given beside `env`. */
export interface TestSettings {
  /** What the consumer has to deliver, in this order. */
  readonly messages: readonly FakeMessage[];
  /** The drain's limit in milliseconds. @default 30000 */
  readonly limitMs?: number;
  /** Aborts the drain. @default none */
  readonly signal?: AbortSignal;
  /** Jitter of the default `retryDelay`, from 0 to below 1. @default always 0.5 */
  readonly random?: () => number;
  /** What the consumer says of itself. @default ack wait 30 s, deliveries without limit, no backoff */
  readonly consumer?: FakeConsumer;
  /** Whether the stream that takes in a subject refuses a message, as a full one does. @default none does */
  readonly refusePublish?: (subject: string) => boolean;
}

/** What a run came to. */
export interface TestResult {
  /** What `drain.run()` returned. */
  readonly report: Report;
  /** One per settled message, in the order in which the server got them. */
  readonly settlements: readonly TestSettlement[];
  /** What handlers published, in order. */
  readonly published: readonly PublishedMessage[];
  /** What was published to the dead-letter subject, in order. */
  readonly deadLetters: readonly PublishedMessage[];
  /**
   * What the server would deliver again: retried, released and unsettled messages, in the stream's
   * order, each with a delivery count one higher, then the copies of what could not be dead-lettered
   * at its last delivery. They are the messages of the next run.
   */
  readonly redeliveries: readonly FakeMessage[];
}

const DEFAULT_LIMIT_MS = 30_000;

/**
 * Runs a drain once over made-up messages: the real drain, with a server in memory at the other end
 * of its connection, so a handler's test needs neither server nor network. Each message is
 * delivered once. `servers`, `auth`, `headers` and `via` are not used, and a test's `env` may leave
 * them out.
 *
 * @example
 * const handler = () => {};
 * const orders = { servers: "wss://nats.example.com", stream: "ORDERS", consumer: "billing", handler };
 * const messages = [{ subject: "orders.new", json: { total: 1 } }];
 * const { report } = await testDrain(orders, { messages });
 *
 * @param source the drain's options, or the function that makes them: what `defineDrain()` is given
 * @throws what `defineDrain()` throws at wrong options, and what the options function itself throws
 */
export async function testDrain<Env = unknown, C extends Codec = "bytes", Value = CodecValues[C]>(
  source: OptionsSource<Env, C, Value>,
  input: TestInput<Env>,
): Promise<TestResult> {
  const { limitMs = DEFAULT_LIMIT_MS, random = () => 0.5, refusePublish = () => false }: TestSettings = input;
  const { messages, signal, consumer = {} }: TestSettings = input;
  const env = input.env as Env; // left out only where Env is unknown, and then undefined is one
  // As in defineDrain: from here on a value is what the reader gives.
  const options = (typeof source === "function" ? source(env) : source) as AnyOptions<Env>;
  const deliveries = makeDeliveries(messages, options);
  const server = new FakeServer({ deliveries, consumer, refuses: refusePublish });
  const watch = new HandlerWatch();
  const drain = defineDrain<Env, Codec, unknown>({
    ...watch.around(options, random),
    servers: "ws://fake.invalid",
    auth: undefined,
    headers: undefined,
    via: server,
  });
  const startedAt = Date.now();
  const report = await drain.run(runInput(env, { limitMs, signal }));
  const { published, deadLetters, copies } = sortPublished(server.published, options.deadLetter?.subject);
  const settlements = await readSettlements({
    deliveries,
    sent: server.settlements,
    deadLetters,
    copies,
    options,
    startedAt,
    seen: (sequence) => watch.seen(sequence),
  });
  const left = { stream: options.stream, copies };
  const again = redeliveries(deliveries, settlements, left, consumer.maxDeliver);
  return { report, settlements, published, deadLetters, redeliveries: again };
}

/** @throws {RangeError} when two messages have the same sequence */
function makeDeliveries(
  messages: readonly FakeMessage[],
  { stream, consumer }: { readonly stream: string; readonly consumer: string },
): Delivery[] {
  const deliveries = messages.map((fields, at) =>
    makeDelivery(fields, { stream, consumer, sequence: at + 1, pending: messages.length - at - 1 }),
  );
  const sequences = deliveries.map(({ sequence }) => sequence);
  const twice = sequences.find((sequence, at) => sequences.indexOf(sequence) !== at);
  if (twice !== undefined) throw new RangeError(`sequence: two messages have ${twice}`);
  return deliveries;
}
