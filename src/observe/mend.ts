// The command that mends how a drain ended, where there is one. Pure.
import { quote } from "../report/preflight-rule.ts";
import type { Reason } from "../report/reasons.ts";

interface Names {
  readonly stream: string;
  readonly consumer: string;
  /** Where the drain keeps its history. */
  readonly bucket?: string | undefined;
  readonly domain?: string | undefined;
  readonly inboxPrefix?: string | undefined;
  readonly deadLetter?: { readonly subject: string } | undefined;
}

export function mendOf(reason: Reason, names: Names): string | undefined {
  switch (reason) {
    case "permission-denied": {
      const { stream, consumer, bucket, domain, inboxPrefix, deadLetter } = names;
      const options = {
        stream,
        consumer,
        domain,
        "dead-letter": deadLetter?.subject,
        bucket,
        "inbox-prefix": inboxPrefix,
      };
      const given = Object.entries(options).map(([name, value]) =>
        value === undefined ? "" : ` --${name} ${quote(value)}`,
      );
      return `npx sluice permissions${given.join("")}`;
    }
    case "connect-timeout":
      return "nats server ping";
    case "jetstream-unavailable":
      return "nats account info";
    default:
      return undefined;
  }
}
