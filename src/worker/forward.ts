// Forwards a message to the target: one POST, body untouched, whose answer settles the message.
import type { Message } from "../index.ts";
import { showUrl } from "../vars/target-url.ts";
import type { Target } from "../vars/vars.ts";
import { type EventConstants, eventHeaders } from "./event-headers.ts";

/** Where messages go, and what their headers share. */
export interface Destination {
  readonly url: string;
  /** A service binding; without one the network's `fetch`. */
  readonly target: Target | undefined;
  readonly constants: EventConstants;
}

/**
 * Posts the message, and gives the answer, whose status the drain reads as a settlement. A redirect
 * is not followed: it is the target's address that is wrong.
 *
 * @throws {Error} when the target cannot be reached: it names the target's origin and path, never
 * its query
 * @throws the signal's reason, when it aborts
 */
export async function forward(
  message: Message<unknown>,
  { url, target, constants }: Destination,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await (target ?? globalThis).fetch(url, {
      method: "POST",
      headers: eventHeaders(message, constants),
      // Typed as a view of any buffer; the one in hand is over an ArrayBuffer, which is what fetch takes.
      body: message.data as Uint8Array<ArrayBuffer>,
      redirect: "manual",
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    // The error's own text may quote the whole URL, and the report's findings quote the first error's text.
    const name = error instanceof Error ? error.name : typeof error;
    throw new Error(`the request to ${showUrl(url)} failed: ${name}`);
  }
}
