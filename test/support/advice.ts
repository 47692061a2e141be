// What an operator does for each reason: the second table of docs/reasons.md.
import type { Reason } from "../../src/index.ts";

export const ADVICE: Readonly<Record<Reason, string>> = {
  empty: "Nothing.",
  "batch-full": 'Drain again now, or raise `batch` or `fetches`. `until: "limit"` goes on until the limit.',
  "max-wait": "Nothing. Raise `maxWaitMs`, or leave `fill` out, if batches should be fuller or sooner.",
  deadline: "Raise `limitMs` or `concurrency`, or drain more often, if `more` stays true for long.",
  "heartbeat-lost": "Retry. If it stays: is the server frozen, overloaded, or behind a proxy that buffers?",
  "connection-lost": "Retry. If it stays: look at the server's log, and at proxies between.",
  "connect-failed":
    "Check the address, DNS, the port, the certificate, and that `websocket {}` is configured.",
  "connect-timeout":
    "Check firewalls and the address. Raise `connectTimeoutMs` where the server is far away.",
  "jetstream-unavailable":
    "Run `nats account info`. Enable JetStream for the account and server; check the meta leader and `domain`.",
  "leadership-changed": "Retry.",
  "server-shutdown": "Retry: another server takes over. Give several `servers`.",
  "limit-exceeded":
    "Raise max_ack_pending or max_waiting, or run fewer drains. Unacked messages of a killed drain wait for ack wait.",
  "handlers-failing": "Look at `findings` and at the target. The messages keep their deliveries for later.",
  aborted: "Nothing: the caller asked for it.",
  unauthorized: "Check the credentials, their expiry, and that the user may connect by WEBSOCKET.",
  "permission-denied":
    "The message names the subject, or the limit. Compare with the user in [deploy.md](deploy.md).",
  "stream-not-found": "Check `stream`, the account and `domain`: `nats stream ls`.",
  "consumer-not-found":
    "Make it: `nats consumer add`. If it was there: is its inactive_threshold below the time between two drains?",
  "consumer-deleted": "Make it again. Look at who deletes it, and at its inactive_threshold.",
  "not-a-pull-consumer": "Make a pull consumer: `nats consumer copy … --pull --ack explicit`.",
  "unsupported-consumer": "Copy the consumer with `--ack explicit`.",
  "message-too-large": "Raise `maxBytes` above the message's size, or remove the message.",
  "bad-request":
    "The message has the server's limit. Lower `batch`, `maxWaitMs` or `maxBytes`, or raise the consumer's.",
  "invalid-options": "The message names the option, or the least limit.",
};
