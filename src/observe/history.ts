// History: the last reports of a consumer's drains, kept in a NATS KV bucket.

export interface HistoryOptions {
  /** Name of the KV bucket. It must exist. */
  readonly bucket: string;
}
