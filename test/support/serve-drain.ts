// A drain behind a URL as Bun, `deno serve` and Workers have it: a module whose default export has `fetch`.
import { defineDrain } from "../../src/index.ts";
import { bearer, drainHandler } from "../../src/triggers/fetch.ts";

const drain = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: () => {},
}));

const handler = drainHandler(drain, { authorize: bearer("drain-s3cret") });

export default { port: 0, fetch: (request: Request): Promise<Response> => handler(request) };
