// The command that mends how a drain ended, where there is one. Pure.
import { quote } from "../report/preflight-rule.ts";
import type { Reason } from "../report/reasons.ts";

interface Names {
  readonly stream: string;
  readonly consumer: string;
  /** Where the drain keeps its history. */
  readonly bucket?: string | undefined;
}

export function mendOf(reason: Reason, { stream, consumer, bucket }: Names): string | undefined {
  switch (reason) {
    case "permission-denied": {
      const history = bucket === undefined ? "" : ` --bucket ${quote(bucket)}`;
      return `npx sluice permissions --stream ${quote(stream)} --consumer ${quote(consumer)}${history}`;
    }
    case "connect-timeout":
      return "nats server ping";
    case "jetstream-unavailable":
      return "nats account info";
    default:
      return undefined;
  }
}
