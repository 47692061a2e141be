// The script of the scripted NATS server (scripted.ts), as plain JSON, so that a test can send it to the laboratory.

/** What the server does to the connection. */
export type ConnectionStep =
  | { readonly delayMs: number }
  /** `-ERR '<text>'`. A real server closes after most of them: add `close` for that. */
  | { readonly errLine: string }
  /** Another INFO; its members replace those of the first. `{ ldm: true }` is lame duck mode. */
  | { readonly info: Readonly<Record<string, unknown>> }
  /** These very bytes. */
  | { readonly raw: string; readonly times?: number }
  /** A Close frame. */
  | { readonly close: true }
  /** A TCP reset. */
  | { readonly reset: true };

/** Delivers a message of the stream, to the pull's inbox. */
export interface DeliverStep {
  /** The body. */
  readonly deliver: string;
  /** @default `<stream>.event` */
  readonly subject?: string;
  /** @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** @default one more than the last; the first is 1 */
  readonly sequence?: number;
  /** @default 1 */
  readonly deliveryCount?: number;
  /** Messages left to deliver. @default 0 */
  readonly pending?: number;
  /** With the longer ack subject, which has a domain and an account hash. @default false */
  readonly v2?: boolean;
  /** In place of the ack subject; null: none. The server does not count it as a message of the stream. */
  readonly reply?: string | null;
  /** So many times, each with the next sequence. @default 1 */
  readonly times?: number;
}

/** Sends a status message to the pull's inbox. */
interface StatusStep {
  readonly status: number;
  /** @default "" */
  readonly description?: string;
  /** `Nats-Pending-Messages` and the like. @default none */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the server does after a pull request. */
export type Step =
  | ConnectionStep
  | DeliverStep
  | StatusStep
  /** An idle heartbeat on the pull's inbox. */
  | { readonly heartbeat: true }
  /** Goes on once that many settlements have come since the server started; `+WPI` settles nothing. */
  | { readonly untilAcks: number };

/** The answer to a request. `no-responders` is 503 on its reply subject. */
export type Answer =
  | "silent"
  | "no-responders"
  | { readonly json: unknown }
  | { readonly text: string }
  | { readonly errLine: string };

export interface Script {
  /** Members that replace those of the first INFO. @default none */
  readonly serverInfo?: Readonly<Record<string, unknown>>;
  /** Played at CONNECT, before the PONG that makes the connection ready. @default nothing */
  readonly connect?: readonly ConnectionStep[];
  /** Answer to CONSUMER.INFO. @default that of a pull consumer with explicit acks, in which nothing is pending */
  readonly consumerInfo?: Answer;
  /** Answer to CONSUMER.INFO once so many pull requests have come. @default as before */
  readonly laterConsumerInfo?: { readonly pulls: number; readonly answer: Answer };
  /** Played at the pull requests, the n-th list at the n-th since the start; one beyond them gets silence. @default silence */
  readonly pulls?: readonly (readonly Step[])[];
  /** Answer to any other publish that has a reply subject, as a dead letter has. @default "no-responders" */
  readonly publish?: Answer;
  /** A PING that comes after this many pull requests gets no PONG: a frozen server. 0: not even the first. @default each gets one */
  readonly ignorePingsAfterPulls?: number;
  /** A settlement that asks for a confirmation gets none. @default false */
  readonly swallowAcks?: boolean;
}
