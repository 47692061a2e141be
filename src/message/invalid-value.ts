// The error of a message whose value cannot be had; a drain rejects the message for it.

/**
 * A body cannot be decoded, or a schema refuses it. `reason` quotes no more of it than the schema's
 * own issues do.
 */
export class InvalidValueError extends Error {
  readonly code = "SLUICE_INVALID_VALUE";
  constructor(reason: string) {
    super(reason);
    this.name = "InvalidValueError";
  }
}
