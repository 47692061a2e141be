// What preflight judges: a consumer as its server has it, and a drain as it is planned. Pure.

/**
 * A consumer's configuration; undefined is not known. Times in milliseconds; a limit of 0 or less is none.
 */
export interface ConsumerConfigFacts {
  readonly stream: string;
  readonly consumer: string;
  readonly ackPolicy?: string | undefined;
  readonly deliverSubject?: string | undefined;
  readonly inactiveThresholdMs?: number | undefined;
  readonly ackWaitMs?: number | undefined;
  readonly backoffMs?: readonly number[] | undefined;
  readonly maxDeliver?: number | undefined;
  readonly maxAckPending?: number | undefined;
  readonly maxWaiting?: number | undefined;
  readonly maxBatch?: number | undefined;
  readonly maxExpiresMs?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly replayPolicy?: string | undefined;
  readonly sampleFreq?: string | undefined;
  readonly headersOnly?: boolean | undefined;
  /** None: everything of the stream. */
  readonly filterSubjects?: readonly string[] | undefined;
  readonly serverVersion?: string | undefined;
  /** Of the stream. */
  readonly retention?: string | undefined;
  readonly streamSubjects?: readonly string[] | undefined;
  /** The stream that takes the dead letters in; null: there is none. */
  readonly deadLetterStream?: string | null | undefined;
  readonly deadLetterStorage?: StorageFacts | undefined;
}

/** How a stream keeps what it takes; undefined is not known. A limit of 0 or less is none. */
export interface StorageFacts {
  readonly retention?: string | undefined;
  readonly consumers?: number | undefined;
  readonly noAck?: boolean | undefined;
  readonly sealed?: boolean | undefined;
  readonly discard?: string | undefined;
  readonly maxMessages?: number | undefined;
  readonly maxMessagesPerSubject?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly maxAgeMs?: number | undefined;
}

/** A drain as it is planned; undefined is not known. Times in milliseconds. */
export interface PreflightPlan {
  readonly batch?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly maxWaitMs?: number | undefined;
  readonly handlerTimeoutMs?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly limitMs?: number | undefined;
  readonly deadLetter?: { readonly subject: string; readonly maxDeliveries?: number | undefined } | undefined;
  /** From one drain to the next. */
  readonly betweenRunsMs?: number | undefined;
  /** Drains of this consumer at once. @default 1 */
  readonly drains?: number | undefined;
}
