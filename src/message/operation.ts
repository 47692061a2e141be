// What a message does to its subject's value, where the stream is a key-value bucket or has delete markers.
import type { MsgHdrs } from "@nats-io/nats-core";

/**
 * - `put`: its body is the value, also an empty one: every message but the others.
 * - `delete`, `purge`: its value was taken away, by a client of a key-value bucket or by JetStream's API.
 * - `expired`: its value reached its TTL or the stream's max age, and nats-server (2.11 or later)
 *   left a marker.
 */
export type Operation = "put" | "delete" | "purge" | "expired";

/**
 * `KV-Operation` is set by clients (ADR-8), `Nats-Marker-Reason` by nats-server, in its own markers
 * only (ADR-43).
 */
export function readOperation(headers: MsgHdrs): Operation {
  switch (headers.get("Nats-Marker-Reason")) {
    case "":
      break;
    case "MaxAge":
      return "expired";
    case "Purge":
      return "purge";
    // "Remove"; a reason of a later server would take the value away, too.
    default:
      return "delete";
  }
  switch (headers.get("KV-Operation")) {
    case "DEL":
      return "delete";
    case "PURGE":
      return "purge";
    default:
      return "put";
  }
}
