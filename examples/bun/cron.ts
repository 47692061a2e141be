// cron.ts: the same in a process that stays, such as a server: Bun.cron calls it each minute, and never twice at once.
import { defineDrain } from "sluice";
import { scheduled } from "sluice/cloudflare";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

const drain = scheduled(orders);

// A rejection that nobody hears would end the process.
Bun.cron("* * * * *", () => drain().catch((error: Error) => console.error(error.message)));
