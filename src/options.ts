// DrainOptions, and the one table of their defaults. validate.ts checks them.
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { BudgetOptions } from "./budget.ts";
import type { Auth, Servers } from "./connection/login.ts";
import type { Fetcher } from "./connection/wire.ts";
import type { PriorityGroup } from "./fetch/pull-request.ts";
import type { BatchHandler } from "./handle/batch-pool.ts";
import type { Handler } from "./handle/handler.ts";
import type { Message } from "./message/message.ts";
import type { Codec, CodecValues } from "./message/value.ts";
import type { HistoryOptions } from "./observe/history.ts";
import type { Observer } from "./observe/observer.ts";
import type { DeadLetterOptions } from "./settle/dead-letter.ts";
import type { RetryDelay } from "./settle/settlement.ts";

/** What to drain, from where, and with what handler. */
export type DrainOptions<Env = unknown, C extends Codec = "bytes", Value = CodecValues[C]> = DrainSettings<
  C,
  Value
> &
  DrainHandlers<Env, Value>;

/** Who handles: a handler of one message, or one of a batch. */
export type DrainHandlers<Env, Value> = HandlesOne<Env, Value> | HandlesBatch<Env, Value>;

/** The handlers of a drain that handles one message at a time. */
export interface HandlesOne<Env, Value> {
  /** Called once per message; what it returns decides how the message is settled. */
  readonly handler: Handler<Env, Value>;
  readonly batchHandler?: undefined;
}

/** The handlers of a drain that handles all messages of a Fetch together. */
export interface HandlesBatch<Env, Value> {
  /**
   * In place of `handler`: called once per Fetch with all that it delivered; returns nothing, or one
   * entry per message.
   */
  readonly batchHandler: BatchHandler<Env, Value>;
  readonly handler?: undefined;
}

/** All of a drain's options but its handler. */
export interface DrainSettings<C extends Codec = "bytes", Value = CodecValues[C]> extends BudgetOptions {
  /**
   * Where nats-server listens for WebSockets: `wss://…`, or several addresses to try in turn.
   * `ws://` is not encrypted.
   */
  readonly servers: Servers;
  /** The credentials. @default none */
  readonly auth?: Auth | undefined;
  /** Name of the stream. It must exist. */
  readonly stream: string;
  /** Name of the durable pull consumer. It must exist: a drain never creates, changes or deletes one. */
  readonly consumer: string;
  /** Most messages that one Fetch asks for. Whole number, 1 to 1,000,000. @default 100 */
  readonly batch?: number | undefined;
  /**
   * Most bytes of messages that one Fetch takes, headers and subjects included. Whole number from
   * 1.
   * @default 25165824 (24 MiB)
   */
  readonly maxBytes?: number | undefined;
  /**
   * Messages that the first pull request asks for beyond the concurrency, so that no handler waits
   * for the next. Whole number from 0.
   * @default as many as `concurrency`
   */
  readonly prefetch?: number | undefined;
  /**
   * Fetches one drain makes at most: it goes on while the last batch came full. Whole number from 1.
   * @default 1, or no limit with `until: "limit"`
   */
  readonly fetches?: number | undefined;
  /** Wait the whole max wait for a full batch, instead of ending with what is there. @default false */
  readonly fill?: boolean | undefined;
  /**
   * When to end: `empty`, once nothing is left of what was there, or `limit`, waiting for more
   * until the budget ends.
   * @default "empty"
   */
  readonly until?: "empty" | "limit" | undefined;
  /**
   * After so many failures in a row (throw, timeout, HTTP 408, 425, 429 or 5xx) nothing more is
   * started, and the drain ends with `handlers-failing`. Whole number from 1.
   * @default none: it goes on
   */
  readonly stopAfterFailures?: number | undefined;
  /** Longest wait for messages, milliseconds from 0. @default a third of the limit, 5000 at most */
  readonly maxWaitMs?: number | undefined;
  /**
   * Idle heartbeat asked of the server, milliseconds from 50; twice that in silence is a loss.
   * @default 2000, a third of max wait at most
   */
  readonly heartbeatMs?: number | undefined;
  /**
   * How often something crosses the wire, so that no idle proxy cuts the connection under a long
   * handler, milliseconds from 1000.
   * @default 20000
   */
  readonly pingIntervalMs?: number | undefined;
  /**
   * Longest time to connect and authenticate, milliseconds from 1.
   * @default a quarter of the limit, 5000 at most
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Time kept at the end to release and confirm, milliseconds from 1.
   * @default an eighth of the limit, 2000 at most
   */
  readonly settleTimeoutMs?: number | undefined;
  /** Handlers that run at once. Whole number, 1 to 10,000; 1 keeps the stream's order. @default 1 */
  readonly concurrency?: number | undefined;
  /**
   * Key of a message: messages of one key are handled in order, also when one is retried, while
   * others run side by side. A later drain cannot know the keys of messages that wait for their
   * retry: only `max_ack_pending` 1 keeps order across drains then, for all keys.
   * @default none
   */
  readonly orderBy?: ((message: Message<unknown>) => string) | undefined;
  /**
   * Longest time of one handler, milliseconds from 1; then its signal aborts and its message is
   * retried. Those that start within a twentieth of it, 100 ms at most, end with the first of them.
   * @default the budget
   */
  readonly handlerTimeoutMs?: number | undefined;
  /**
   * What a body is: `bytes`, `text`, `json` or `cloudevents`. One that is not is rejected.
   * @default "bytes", or "json" with a schema
   */
  readonly codec?: C | undefined;
  /**
   * Any Standard Schema: gives `message.value` and its type. What it refuses is rejected, with its
   * issues as the reason.
   * @default none
   */
  readonly schema?: StandardSchemaV1<unknown, Value> | undefined;
  /**
   * How settlements are confirmed by the consumer's leader: `server` asks it once for all that were
   * sent before, `leader` for each by itself.
   * @default "server"
   */
  readonly confirm?: "server" | "leader" | undefined;
  /**
   * Publish over a connection of its own, opened at first use, so that a lost Fetch takes no result
   * with it.
   * @default false
   */
  readonly isolatePublisher?: boolean | undefined;
  /**
   * Member of a consumer's priority group (nats-server 2.11): passed through with each pull
   * request.
   * @default none
   */
  readonly priorityGroup?: PriorityGroup | undefined;
  /**
   * Wait before a message that failed is delivered again, in milliseconds, from its delivery count
   * (1 is the first).
   * @default exponential from 1 s to 5 min, with equal jitter
   */
  readonly retryDelay?: RetryDelay | undefined;
  /**
   * Where a message goes that is rejected or out of deliveries. Where that cannot be published at
   * the last delivery, a copy waits at the end of its stream, if the user may publish there.
   * @default none: a rejected message is termed
   */
  readonly deadLetter?: DeadLetterOptions | undefined;
  /**
   * Called for each error that a handler throws, so that it can be logged; the report only counts
   * them.
   * @default none
   */
  readonly onError?: ((error: unknown, message: Message<unknown>) => void) | undefined;
  /** JetStream domain of the stream. @default none */
  readonly domain?: string | undefined;
  /** Prefix of the reply subjects, where the user's permissions narrow it. @default "_INBOX" */
  readonly inboxPrefix?: string | undefined;
  /** Extra headers of the WebSocket's upgrade request, by name. @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * A binding of Workers (mTLS, VPC, service) that carries the connection in place of the network.
   * @default the network
   */
  readonly via?: Fetcher | undefined;
  /**
   * Accept `ws://` to a host that is not this machine: credentials and bodies then cross the
   * network unencrypted, which every report says.
   * @default false
   */
  readonly allowInsecure?: boolean | undefined;
  /**
   * Is told what the drain does, as it does it: for logs, metrics and traces. One that throws or
   * hangs harms no drain.
   * @default none
   */
  readonly observer?: Observer | undefined;
  /**
   * Keeps the last reports in a NATS KV bucket, written after the settling and inside the budget.
   * @default none
   */
  readonly history?: HistoryOptions | undefined;
  /** Name of the connection, as nats-server's monitoring shows it. @default "sluice" */
  readonly name?: string | undefined;
}

/** The defaults that do not depend on the limit. */
export const DEFAULTS = {
  batch: 100,
  // nats-server sends what a pull brings as fast as it can read it, in WebSocket frames as large as
  // they come. It ends a connection with more than 64 MiB on the way (max_pending), and workerd one
  // with a frame above 32 MiB.
  maxBytes: 25_165_824, // 24 MiB
  fetches: 1,
  fill: false,
  until: "empty",
  pingIntervalMs: 20_000,
  concurrency: 1,
  name: "sluice",
} as const;

/** Options of any codec and value, as the drain itself handles them. */
export type AnyOptions<Env> = DrainSettings<Codec, unknown> & DrainHandlers<Env, unknown>;

type Default = keyof typeof DEFAULTS;

/** Options with their defaults filled in. */
export type Resolved<Env> = DrainHandlers<Env, unknown> &
  Omit<DrainSettings<Codec, unknown>, Default> & {
    readonly [Name in Default]-?: Exclude<DrainSettings<Codec, unknown>[Name], undefined>;
  };

/** The options with their defaults. The only reader of {@link DEFAULTS}. */
export function withDefaults<Env>(options: AnyOptions<Env>): Resolved<Env> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  // A drain that waits for more is not to end with the batch that happens to come full.
  const endless = options.until === "limit" ? { fetches: Number.POSITIVE_INFINITY } : {};
  // Each is of its own type, or of the defaults'.
  return { ...DEFAULTS, ...endless, ...Object.fromEntries(given) } as Resolved<Env>;
}
