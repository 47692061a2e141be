// A `Response` that a handler returned, known by its shape: each runtime has a class of its own.

/** The part of a `Response` that is looked at. */
export interface HttpResponse {
  /** Decides what becomes of the message. */
  readonly status: number;
  readonly headers: {
    /** Reads `Retry-After`. */
    get(name: string): string | null;
  };
  readonly body?: {
    /** Nobody reads the body: the connection is free again. */
    cancel?(): unknown;
  } | null;
}

/** Whether a value is a Response, of whatever runtime: data that was parsed has no methods. */
export function isHttpResponse(value: unknown): value is HttpResponse {
  // The runtime's own is known without a look at its headers, which each runtime makes when asked for.
  if (value instanceof Response) return true;
  if (typeof value !== "object" || value === null || !("status" in value) || !("headers" in value))
    return false;
  const { status, headers } = value;
  return (
    typeof status === "number" &&
    typeof headers === "object" &&
    headers !== null &&
    "get" in headers &&
    typeof headers.get === "function"
  );
}

/**
 * Its body is nobody's; on Workers an unread one holds one of six connections. A Node stream has
 * nothing to cancel.
 */
export function cancelBody({ body }: HttpResponse): void {
  if (!body) return;
  try {
    Promise.resolve(body.cancel?.()).catch(() => {});
  } catch {
    // Then it is read already, or never was a stream.
  }
}
