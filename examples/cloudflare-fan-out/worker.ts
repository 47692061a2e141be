// A Worker whose cron run calls the Worker itself for up to seven drains beside its own, as the backlog is worth.
import { WorkerEntrypoint } from "cloudflare:workers";
import { defineDrain } from "sluice";
import { type DrainCall, fanOut, type Self, scheduled } from "sluice/cloudflare";

interface Env {
  readonly NATS_URL: string;
  readonly NATS_TOKEN: string;
  readonly SELF: Self;
}

const drain = defineDrain<Env>((env) => ({
  servers: env.NATS_URL,
  auth: { token: env.NATS_TOKEN },
  stream: "ORDERS",
  consumer: "billing",
  fetches: 10,
  concurrency: 6,
  handler: (message) => console.log(message.id, message.subject),
}));

const orders = fanOut<Env>({ max: 8, self: (env) => env.SELF })(drain);

/** What the Worker calls itself by. */
export class Drains extends WorkerEntrypoint<Env> {
  drain(call: DrainCall) {
    return orders.run({ env: this.env, ...call });
  }
}

export default { scheduled: scheduled(orders) };
