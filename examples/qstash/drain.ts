// api/drain.ts: a route that QStash calls by POST. Its signature is the authorization.
import { defineDrain } from "sluice";
import { drainHandler } from "sluice/fetch";
import { QSTASH_STATUS, qstash } from "sluice/qstash";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

const handler = drainHandler(orders, {
  authorize: qstash({
    currentKey: () => process.env.QSTASH_CURRENT_SIGNING_KEY,
    nextKey: () => process.env.QSTASH_NEXT_SIGNING_KEY,
  }),
  status: QSTASH_STATUS,
});

export const POST = (request: Request): Promise<Response> => handler(request);
