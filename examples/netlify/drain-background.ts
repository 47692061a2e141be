// netlify/functions/drain-background.ts: a POST with the bearer token starts it. Netlify answers 202, and tries again what throws.
import { defineDrain } from "sluice";
import { bearer, LIMITS_MS, orThrow } from "sluice/fetch";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

const authorize = bearer(() => process.env.DRAIN_TOKEN);

export default async (request: Request): Promise<void> => {
  if ((await authorize(request, undefined)) !== true) return;
  const report = await orders.run({ limitMs: LIMITS_MS.netlifyBackground });
  if (report.outcome === "fatal") console.error(report.message);
  else orThrow(report);
};
