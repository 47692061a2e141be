// drain.ts: the module that Bun's cron runs each minute, in a process of its own.
import { defineDrain } from "sluice";
import { scheduled } from "sluice/cloudflare";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

export default { scheduled: scheduled(orders) };
