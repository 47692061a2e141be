// A Durable Object whose alarm drains orders, again and again, without a cron. One request starts the chain.
import { DurableObject } from "cloudflare:workers";
import { defineDrain } from "sluice";
import { drainAlarm } from "sluice/cloudflare";

interface Env {
  readonly NATS_URL: string;
  readonly NATS_TOKEN: string;
  readonly DRAINER: { getByName(name: string): { start(): Promise<void> } };
}

const orders = defineDrain<Env>((env) => ({
  servers: env.NATS_URL,
  auth: { token: env.NATS_TOKEN },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

const drainOrders = drainAlarm(orders, { everyMs: 60_000 });

export class Drainer extends DurableObject<Env> {
  /** Sets the first alarm. Calling it again does no harm: an object has one alarm. */
  async start(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now());
  }

  async alarm(): Promise<void> {
    await drainOrders(this.ctx.storage, this.env);
  }
}

export default {
  async fetch(_request: Request, env: Env): Promise<Response> {
    await env.DRAINER.getByName("orders").start();
    return new Response(null, { status: 202 });
  },
};
