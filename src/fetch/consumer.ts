// What the consumer says of itself. The question travels with the sign-in, so its answer is here
// before the first pull.
import type { Connection } from "../connection/connection.ts";
import { classifyInfoError } from "../connection/failure.ts";
import type { Answers } from "../connection/inbox.ts";
import { apiPrefix, isDenied, readAnswer, UnreadableAnswerError } from "../connection/jetstream.ts";
import { payload, publication } from "../connection/protocol.ts";
import { type Deadline, NANOS_PER_MS, waitUntil } from "../deadline.ts";
import type { RawMessage } from "../message/received.ts";
import type { ConsumerFacts } from "../report/facts.ts";
import { type Ending, ending } from "../report/reasons.ts";

export interface ConsumerName {
  readonly stream: string;
  readonly consumer: string;
  readonly domain?: string | undefined;
}

/** `unknown` when the user may not ask, or nothing answered: a drain goes on without. */
export type ConsumerAnswer =
  | { readonly kind: "known"; readonly facts: ConsumerFacts }
  | { readonly kind: "unknown" }
  | { readonly kind: "failed"; readonly ending: Ending };

/** Why a consumer's leader cannot have what was settled. */
export interface Gone {
  readonly ending: Ending;
  /** Another consumer has its name, and its answers to old acks say nothing. */
  readonly isAnother: boolean;
}

/** The part of the server's answer that is read: anything, until it is looked at. */
type ConsumerInfo = Readonly<
  Record<
    | "created"
    | "num_pending"
    | "num_ack_pending"
    | "num_waiting"
    | "paused"
    | "config"
    | "cluster"
    | "ack_floor",
    unknown
  >
>;

const NOTHING = payload("");

/** Of an answer that may be anybody's. */
type Told = Readonly<Record<string, unknown>>;

/** A question under way. */
interface Asked {
  /** The question, as text of the NATS protocol. */
  readonly text: string;
  readonly answer: Promise<RawMessage>;
}

/** The question, asked once, and its answer: to await, or to peek at. */
export class Consumer {
  readonly #name: ConsumerName;
  readonly #answers: Answers;
  readonly #subject: string;
  readonly #first: Asked;
  readonly #answered = Promise.withResolvers<ConsumerAnswer>();
  #answer: ConsumerAnswer | undefined;
  /**
   * Of settlements above this stream sequence its leader's answers are no proof: some may have gone to
   * another leader, or to nobody. Known when it was asked why it is gone.
   */
  sureTo: number = Number.POSITIVE_INFINITY;
  /** Its max deliver, where that was lowered meanwhile. Known likewise. */
  loweredTo: number | undefined;
  /** Messages not delivered yet, as it said when it was asked that. */
  pending: number | undefined;

  constructor(name: ConsumerName, answers: Answers) {
    this.#name = name;
    this.#answers = answers;
    this.#subject = `${apiPrefix(name.domain)}.CONSUMER.INFO.${name.stream}.${name.consumer}`;
    this.#first = this.#ask();
  }

  /** Resolves with the answer; `unknown` when the deadline of {@link listen} passes first. Never rejects. */
  get answered(): Promise<ConsumerAnswer> {
    return this.#answered.promise;
  }

  get answer(): ConsumerAnswer | undefined {
    return this.#answer;
  }

  get facts(): ConsumerFacts | undefined {
    return this.#answer?.kind === "known" ? this.#answer.facts : undefined;
  }

  /** The question as text of the NATS protocol, to be sent with the sign-in. */
  get question(): string {
    return this.#first.text;
  }

  /** Listens for the answer, which may be here already, and gives it up at `deadline`. */
  async listen(connection: Connection, deadline: Deadline): Promise<ConsumerAnswer> {
    this.#answer = await this.#heard(connection, this.#first, deadline);
    this.#answered.resolve(this.#answer);
    return this.#answer;
  }

  /** Asks once more, for what is true now. */
  async askAgain(connection: Connection, deadline: Deadline): Promise<ConsumerAnswer> {
    const asked = this.#ask();
    connection.write(asked.text);
    return await this.#heard(connection, asked, deadline);
  }

  /**
   * Whether it is gone, or is another one under its name; undefined where it is as it was, or where
   * that cannot be asked.
   */
  async whyGone(connection: Connection, deadline: Deadline): Promise<Gone | undefined> {
    const answer = await this.askAgain(connection, deadline);
    if (answer.kind === "unknown") return undefined;
    if (answer.kind === "failed") {
      const { reason } = answer.ending;
      if (reason !== "consumer-not-found" && reason !== "stream-not-found")
        return { ending: answer.ending, isAnother: false };
      const hint = "It was gone before the drain was done: see its InactiveThreshold.";
      return { ending: ending("consumer-deleted", hint), isAnother: false };
    }
    this.pending = answer.facts.pending;
    const { created, leader, maxDeliver = Number.POSITIVE_INFINITY } = this.facts ?? {};
    const most = answer.facts.maxDeliver;
    if (most !== undefined && most < maxDeliver) this.loweredTo = most;
    if (leader !== undefined) this.sureTo = answer.facts.leader === leader ? answer.facts.sureTo : 0;
    if (created === undefined || answer.facts.created === created) return undefined;
    const hint = "Another was made under its name while the drain ran.";
    return { ending: ending("consumer-deleted", hint), isAnother: true };
  }

  #ask(): Asked {
    const { promise, resolve } = Promise.withResolvers<RawMessage>();
    return { text: publication(this.#subject, NOTHING, this.#answers.expect(resolve)), answer: promise };
  }

  /** `unknown` when the user may not ask or hear, or no answer came. */
  async #heard(connection: Connection, { answer }: Asked, deadline: Deadline): Promise<ConsumerAnswer> {
    if (connection.ended) return { kind: "unknown" };
    const { promise: unheard, resolve } = Promise.withResolvers<undefined>();
    const forget = connection.onDenied(({ subject }) => {
      if (isDenied(subject, this.#subject) || subject === this.#answers.inbox.subject) resolve(undefined);
    });
    void connection.lost.then(() => resolve(undefined));
    const heard = await waitUntil(Promise.race([answer, unheard]), deadline);
    forget();
    return heard.done && heard.value ? this.#read(heard.value) : { kind: "unknown" };
  }

  #read(msg: RawMessage): ConsumerAnswer {
    const { stream, consumer } = this.#name;
    try {
      const facts = readFacts(readAnswer<ConsumerInfo>(msg));
      const refusal = unsupported(facts, `Consumer "${consumer}" of stream "${stream}"`);
      return refusal ? { kind: "failed", ending: refusal } : { kind: "known", facts };
    } catch (error) {
      const end = classifyInfoError(error, stream, consumer);
      return end ? { kind: "failed", ending: end } : { kind: "unknown" };
    }
  }
}

function unsupported({ ackPolicy, deliverSubject }: ConsumerFacts, name: string): Ending | undefined {
  if (deliverSubject) return ending("not-a-pull-consumer", `${name}.`);
  if (ackPolicy === "explicit") return undefined;
  return ending("unsupported-consumer", `${name} has the ack policy "${ackPolicy}".`);
}

/** Whoever may answer for the server may have answered anything: what is not as it should be is not there. */
function readFacts({ config: given, ...info }: ConsumerInfo): ConsumerFacts {
  if (typeof given !== "object" || given === null || typeof info.num_pending !== "number")
    throw new UnreadableAnswerError();
  const config: Told = { ...given };
  const number = (value: unknown, otherwise: number): number =>
    typeof value === "number" && Number.isFinite(value) ? value : otherwise;
  const ms = (nanos: unknown, otherwise: number): number => number(nanos, otherwise) / NANOS_PER_MS;
  const above0 = (value: unknown): number | undefined => {
    const known = number(value, 0);
    return known > 0 ? known : undefined;
  };
  const { backoff } = config;
  const { leader, leader_since: since, replicas }: Told = { ...(info.cluster as object | undefined) };
  const { stream_seq: floor }: Told = { ...(info.ack_floor as object | undefined) };
  return {
    ackPolicy: textOf(config.ack_policy) ?? "explicit",
    deliverSubject: textOf(config.deliver_subject) || undefined,
    ackWaitMs: ms(config.ack_wait, 30_000 * NANOS_PER_MS),
    maxDeliver: above0(config.max_deliver),
    backoffMs: Array.isArray(backoff) ? backoff.map((nanos) => ms(nanos, 0)).filter((wait) => wait > 0) : [],
    pending: info.num_pending,
    ackPending: number(info.num_ack_pending, 0),
    maxAckPending: number(config.max_ack_pending, -1),
    waiting: number(info.num_waiting, 0),
    maxWaiting: number(config.max_waiting, 512),
    paused: info.paused === true,
    headersOnly: config.headers_only === true,
    inactiveThresholdMs: ms(config.inactive_threshold, 0),
    maxBatch: above0(config.max_batch),
    maxExpiresMs: above0(ms(config.max_expires, 0)),
    maxRequestBytes: above0(config.max_bytes),
    created: textOf(info.created) ?? "",
    // With since when: one that lost its place and has it again is another. 2.15.1 tells it, 2.9.10 does not.
    leader: textOf(leader) && `${leader} ${since}`,
    sureTo: since === undefined && replicas ? number(floor, 0) : Number.POSITIVE_INFINITY,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
