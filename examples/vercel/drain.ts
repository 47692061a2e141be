// api/drain.ts: Vercel's cron calls it by GET, with CRON_SECRET.
import { defineDrain } from "sluice";
import { bearer, drainHandler, vercelRemainingMs } from "sluice/fetch";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

export const maxDuration = 60;

const handler = drainHandler(orders, {
  authorize: bearer(() => process.env.CRON_SECRET),
  methods: ["GET"],
  remainingMs: vercelRemainingMs,
  limitMs: 55_000,
});

export const GET = (request: Request): Promise<Response> => handler(request);
