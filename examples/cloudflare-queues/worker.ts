// A Worker that drains orders whenever a message of a queue says that there are some, and each minute besides. Of a long
// backlog the cron run drains its share, and sends itself a message for each other drain that it is worth.
import { defineDrain } from "sluice";
import { type DrainQueue, drainOnMessage, fanOut, scheduled } from "sluice/cloudflare";

interface Env {
  readonly NATS_URL: string;
  readonly NATS_TOKEN: string;
  readonly ORDERS_READY: DrainQueue;
}

const orders = defineDrain<Env>((env) => ({
  servers: env.NATS_URL,
  auth: { token: env.NATS_TOKEN },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

const many = fanOut<Env>({ max: 8, queue: (env) => env.ORDERS_READY })(orders);

export default { queue: drainOnMessage(orders), scheduled: scheduled(many) };
