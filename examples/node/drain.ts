// node drain.ts: drains by and by until SIGTERM, which releases what is held.
import { setTimeout as sleep } from "node:timers/promises";
import { defineDrain } from "sluice";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

const stop = new AbortController();
const { signal } = stop;
process.once("SIGTERM", () => stop.abort());

while (!signal.aborted) {
  const report = await orders.run({ limitMs: 55_000, signal });
  console.log(JSON.stringify(report));
  if (report.outcome === "fatal") {
    process.exitCode = 78; // EX_CONFIG: only an operator can help
    break;
  }
  const waitMs = report.outcome === "retryable" ? (report.retryAfterMs ?? 1_000) : report.more ? 0 : 10_000;
  await sleep(waitMs, undefined, { signal }).catch(() => {});
}
