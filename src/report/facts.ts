// What a consumer says of itself, as far as a drain and its report use it.

/** The part of a consumer's configuration and state that a drain uses. Times in milliseconds. */
export interface ConsumerFacts {
  readonly ackPolicy: string;
  /** It pushes, to this subject. */
  readonly deliverSubject: string | undefined;
  readonly ackWaitMs: number;
  /** Undefined: no limit. */
  readonly maxDeliver: number | undefined;
  readonly backoffMs: readonly number[];
  /** Messages not delivered yet. */
  readonly pending: number;
  readonly ackPending: number;
  readonly maxAckPending: number;
  /** Pull requests that waited when it was asked. */
  readonly waiting: number;
  readonly maxWaiting: number;
  readonly paused: boolean;
  /** It delivers no bodies. */
  readonly headersOnly: boolean;
  /** Without activity for so long the server deletes the consumer; 0: never. */
  readonly inactiveThresholdMs: number;
  /** Its limits of one pull request; undefined: none. */
  readonly maxBatch: number | undefined;
  readonly maxExpiresMs: number | undefined;
  readonly maxRequestBytes: number | undefined;
  /** When it was made, ISO 8601: another time under the same name is another consumer. */
  readonly created: string;
  /** The server that leads it, where several could, and since when. */
  readonly leader: string | undefined;
  /**
   * All up to this stream sequence is settled for sure where the leader is the same: the ack floor
   * where a leader that came back would not be known for another, and else all.
   */
  readonly sureTo: number;
}
