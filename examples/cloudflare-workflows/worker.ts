// A Workflow with one step that drains orders, started by a cron.
import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import { NonRetryableError } from "cloudflare:workflows";
import { defineDrain } from "sluice";
import { drainStep } from "sluice/cloudflare";

interface Env {
  readonly NATS_URL: string;
  readonly NATS_TOKEN: string;
  readonly DRAIN: { create(): Promise<unknown> };
}

const orders = defineDrain<Env>((env) => ({
  servers: env.NATS_URL,
  auth: { token: env.NATS_TOKEN },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

export class DrainOrders extends WorkflowEntrypoint<Env> {
  override async run(_event: WorkflowEvent<unknown>, step: WorkflowStep): Promise<void> {
    const drain = drainStep(orders, this.env, { NonRetryableError });
    const retries = { limit: 3, delay: drain.delay, backoff: "constant" } as const;
    await step.do("drain", { retries }, drain);
  }
}

export default {
  async scheduled(_controller: unknown, env: Env): Promise<void> {
    await env.DRAIN.create();
  },
};
