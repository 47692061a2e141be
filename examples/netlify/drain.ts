// netlify/functions/drain.ts: a scheduled function, which Netlify gives no public URL.
import { defineDrain } from "sluice";
import { drainHandler, LIMITS_MS } from "sluice/fetch";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

const handler = drainHandler(orders, { authorize: () => true, limitMs: LIMITS_MS.netlifyScheduled });

export default (request: Request): Promise<Response> => handler(request);

export const config = { schedule: "* * * * *" };
