// A Worker that drains orders whenever a message of a queue says that there are some, and each minute besides.
import { defineDrain } from "sluice";
import { drainOnMessage, scheduled } from "sluice/cloudflare";

interface Env {
  readonly NATS_URL: string;
  readonly NATS_TOKEN: string;
}

const orders = defineDrain<Env>((env) => ({
  servers: env.NATS_URL,
  auth: { token: env.NATS_TOKEN },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

export default { queue: drainOnMessage(orders), scheduled: scheduled(orders) };
