// drain.ts: what the Machine runs. stdout has the report, so the handler logs to stderr.
import { defineDrain } from "sluice";

export default defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.error(message.id, message.subject),
}));
