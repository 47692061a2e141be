// A nats-server in memory, with one stream and one consumer: it delivers made-up messages once,
// takes in what is published, and writes down every settlement. A drain reaches it through its
// `via` option, so everything above the socket is the real thing.
import type { MsgHdrs } from "@nats-io/nats-core";
import type { Fetcher } from "../connection/wire.ts";
import { NANOS_PER_MS, nextTurn } from "../deadline.ts";
import { parseAckSubject } from "../message/ack-subject.ts";
import { takesIn } from "../report/subject.ts";
import type { Delivery } from "./message.ts";
import {
  type ClientCommand,
  ClientParser,
  type ClientPublish,
  concat,
  encodeLine,
  encodeMessage,
  type ServerMessage,
} from "./protocol.ts";
import { FakeSocket } from "./socket.ts";

/** What the consumer says of itself. */
export interface FakeConsumer {
  /** Milliseconds from 1. @default 30000 */
  readonly ackWaitMs?: number;
  /** Most deliveries of a message. @default no limit */
  readonly maxDeliver?: number;
  /** Steps in milliseconds. @default none */
  readonly backoffMs?: readonly number[];
}

export interface FakeServerOptions {
  readonly deliveries: readonly Delivery[];
  readonly consumer: FakeConsumer;
  /** Whether the stream that takes in a subject refuses a message. */
  readonly refuses: (subject: string) => boolean;
}

/** What came on an ack subject, `+WPI` left out: it settles nothing. */
export interface SentSettlement {
  readonly sequence: number;
  /** `+ACK`, `-NAK {"delay":…}` or `+TERM`. */
  readonly payload: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What was published to a stream. */
export interface SentMessage {
  readonly subject: string;
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
  /** The stream refused it. */
  readonly refused: boolean;
  /** In its stream. */
  readonly sequence: number;
}

type Pull = { readonly inbox: string; readonly batch: number; readonly noWait: boolean };

// With a JetStream domain, `$JS.<domain>.API.…`.
const API = /^\$JS\.(?:[^.]+\.)?API\.CONSUMER\.(MSG\.NEXT|INFO)\.([^.]+)\.([^.]+)$/;
// The same at each question: another time would be another consumer.
const CREATED = "2026-01-01T00:00:00Z";
const INFO = {
  server_id: "FAKE",
  server_name: "sluice/testing",
  version: "2.15.1",
  proto: 1,
  headers: true,
  jetstream: true,
  max_payload: 1_048_576,
};

/** nats-server's own numbers. */
const REFUSALS = {
  full: { code: 503, err_code: 10_077, description: "maximum messages exceeded" },
  otherStream: { code: 400, err_code: 10_060, description: "expected stream does not match" },
  otherSequence: { code: 400, err_code: 10_071, description: "wrong last sequence" },
};
/** The stream of all that is not of the consumer's own. */
const OTHER_STREAM = "FAKE";

export class FakeServer implements Fetcher {
  readonly settlements: SentSettlement[] = [];
  readonly published: SentMessage[] = [];
  readonly #options: FakeServerOptions;
  /** Sequences of published messages, by id. */
  readonly #sequences = new Map<string, number>();
  /** Ack subjects of what is settled. */
  readonly #settled = new Set<string>();
  /** Last sequence of each stream. */
  readonly #last = new Map<string, number>();
  #delivered = 0;

  constructor(options: FakeServerOptions) {
    this.#options = options;
    for (const { reply, sequence } of options.deliveries) {
      const { stream } = parseAckSubject(reply);
      this.#last.set(stream, Math.max(sequence, this.#last.get(stream) ?? 0));
    }
  }

  async fetch(): Promise<Response> {
    // The client sets its handlers after it has opened the socket; no network answers before.
    await nextTurn();
    const webSocket = new FakeSocket((socket) => this.#converse(socket));
    // Not assigned: where a Response has this member by itself, it has no setter.
    return Object.defineProperty(new Response(null), "webSocket", { value: webSocket });
  }

  /** Serves one connection; gives what is to be called with the bytes that the client sends. */
  #converse(socket: FakeSocket): (bytes: Uint8Array) => void {
    const parser = new ClientParser();
    /** Patterns, by the subscription's id. */
    const subscriptions = new Map<string, string>();
    const send: Send = (to, ...messages) => {
      for (const [sid, pattern] of subscriptions) {
        if (!takesIn(pattern, to)) continue;
        // In one frame, as a server packs what it has.
        socket.receive(concat(messages.map((message) => encodeMessage({ subject: to, ...message }, sid))));
      }
    };
    const obey = (command: ClientCommand): void => {
      switch (command.op) {
        case "CONNECT":
        case "PONG":
          return;
        case "PING":
          socket.receive(encodeLine("PONG"));
          return;
        case "SUB":
          subscriptions.set(command.sid, command.subject);
          return;
        case "UNSUB":
          // A limit is the client's own affair too: it drops what comes beyond.
          if (command.max === undefined) subscriptions.delete(command.sid);
          return;
        case "PUB":
          this.#receive(command, send);
          return;
        default:
          command satisfies never;
      }
    };
    socket.receive(encodeLine(`INFO ${JSON.stringify(INFO)}`));
    return (bytes) => parser.push(bytes).forEach(obey);
  }

  #receive(message: ClientPublish, send: Send): void {
    const { subject, reply = "", data } = message;
    const [, request, stream = "", consumer = ""] = API.exec(subject) ?? [];
    if (subject.startsWith("$JS.ACK.")) {
      this.#settle(subject, text(data));
      if (reply) send(reply, {});
    } else if (request === "INFO") {
      send(reply, { data: JSON.stringify(this.#consumerInfo(stream, consumer)) });
    } else if (request === "MSG.NEXT") {
      const { batch, no_wait: noWait = false }: { batch: number; no_wait?: boolean } = JSON.parse(text(data));
      void this.#deliver({ inbox: reply, batch, noWait }, send);
    } else if (subject.startsWith("$JS.")) {
      send(reply, { status: "503" });
    } else {
      send(reply, { data: JSON.stringify(this.#store(message)) });
    }
  }

  #settle(subject: string, payload: string): void {
    // A second one of the same delivery settles nothing: its sender only wants to be answered.
    if (payload === "+WPI" || this.#settled.has(subject)) return;
    this.#settled.add(subject);
    this.settlements.push({ sequence: parseAckSubject(subject).sequence, payload, at: Date.now() });
  }

  async #deliver({ inbox, batch, noWait }: Pull, send: Send): Promise<void> {
    // Consumer info was asked for in the same flight, and is answered first: what hangs on it is no
    // race in a test.
    await nextTurn();
    const messages: Answer[] = this.#options.deliveries.slice(this.#delivered, this.#delivered + batch);
    this.#delivered += messages.length;
    // No other message will come, so nobody has to wait for one.
    if (messages.length < batch)
      messages.push({ status: noWait ? "404 No Messages" : "408 Request Timeout" });
    send(inbox, ...messages);
  }

  /** Stores a message, or not; the PubAck. */
  #store({ subject, headers, data }: ClientPublish): unknown {
    const stream = this.#streamOf(subject);
    const error = this.#refusal(stream, subject, headers);
    const id = headers.get("Nats-Msg-Id");
    const known = this.#sequences.get(id);
    const seq = known ?? (this.#last.get(stream) ?? 0) + 1;
    this.published.push({ subject, headers, data, refused: error !== undefined, sequence: seq });
    if (error) return { error };
    if (known !== undefined) return { stream, seq, duplicate: true };
    this.#last.set(stream, seq);
    if (id) this.#sequences.set(id, seq);
    return { stream, seq };
  }

  /** The consumer's stream takes the subjects of its messages. */
  #streamOf(subject: string): string {
    const delivery = this.#options.deliveries.find((each) => each.subject === subject);
    return delivery ? parseAckSubject(delivery.reply).stream : OTHER_STREAM;
  }

  #refusal(stream: string, subject: string, headers: MsgHdrs) {
    if (this.#options.refuses(subject)) return REFUSALS.full;
    const expected = headers.get("Nats-Expected-Stream");
    if (expected && expected !== stream) return REFUSALS.otherStream;
    const expectedLast = headers.get("Nats-Expected-Last-Subject-Sequence");
    const ofSubject = [...this.#options.deliveries, ...this.published.filter(({ refused }) => !refused)];
    const last = ofSubject.findLast((each) => each.subject === subject)?.sequence ?? 0;
    return expectedLast && Number(expectedLast) !== last ? REFUSALS.otherSequence : undefined;
  }

  #consumerInfo(stream: string, consumer: string): unknown {
    const { ackWaitMs = 30_000, maxDeliver = -1, backoffMs } = this.#options.consumer;
    const nothing = { consumer_seq: 0, stream_seq: 0 };
    return {
      type: "io.nats.jetstream.api.v1.consumer_info_response",
      stream_name: stream,
      name: consumer,
      created: CREATED,
      config: {
        durable_name: consumer,
        deliver_policy: "all",
        ack_policy: "explicit",
        replay_policy: "instant",
        ack_wait: ackWaitMs * NANOS_PER_MS,
        max_deliver: maxDeliver,
        max_waiting: 512,
        max_ack_pending: 1_000_000,
        ...(backoffMs ? { backoff: backoffMs.map((ms) => ms * NANOS_PER_MS) } : {}),
      },
      delivered: nothing,
      ack_floor: nothing,
      num_ack_pending: 0,
      num_redelivered: 0,
      num_waiting: 0,
      num_pending: this.#options.deliveries.length - this.#delivered,
    };
  }
}

type Answer = Partial<ServerMessage>;

/** Sends to whoever has subscribed to the subject `to`. */
type Send = (to: string, ...messages: readonly Answer[]) => void;

function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}
