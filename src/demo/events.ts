// The demo's events: GitHub's example webhooks, as JetStream messages that are CloudEvents.
import { createRequire } from "node:module";

/** One message to publish. */
export interface DemoEvent {
  /** Its `Nats-Msg-Id`. Some examples are equal to the byte, so it counts them. */
  readonly id: string;
  /** `github.<event>.<action>`; without the action where GitHub sends none. */
  readonly subject: string;
  /** Attributes as in the CloudEvents NATS binding, and the content type. */
  readonly headers: Readonly<Record<string, string>>;
  /** The webhook's payload, JSON. */
  readonly body: string;
}

/** What the package has of one event, as far as it is used here. */
export interface WebhookDefinition {
  readonly name: string;
  readonly examples: readonly WebhookPayload[];
}

interface WebhookPayload {
  readonly action?: string;
  readonly repository?: { readonly html_url?: string };
  readonly sender?: { readonly html_url?: string };
}

/** Loads the payloads of `@octokit/webhooks-examples`. */
export function loadEvents(): DemoEvent[] {
  // 4 MB of JSON: read by Node itself, where a test runner would make a module of it.
  const require = createRequire(import.meta.url);
  return toEvents(require("@octokit/webhooks-examples") as WebhookDefinition[]); // by its own declarations
}

/** Each example as an event, in the package's order. */
export function toEvents(definitions: readonly WebhookDefinition[]): DemoEvent[] {
  return definitions.flatMap(({ name, examples }) =>
    examples.map((payload, index) => {
      const kind = payload.action === undefined ? name : `${name}.${payload.action}`;
      return {
        id: `${name}-${index + 1}`,
        subject: `github.${kind}`,
        headers: {
          "Content-Type": "application/json",
          // As the CloudEvents adapter for GitHub maps them.
          "ce-type": `com.github.${kind}`,
          "ce-source": payload.repository?.html_url ?? payload.sender?.html_url ?? "https://github.com",
        },
        body: JSON.stringify(payload),
      };
    }),
  );
}
