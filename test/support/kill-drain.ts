// A process that drains once, rejects every fifth message, and says the sequence of each that it handles: to be killed.
import { defineDrain, reject } from "../../src/index.ts";

const [servers = ""] = process.argv.slice(2);
const drain = defineDrain({
  servers,
  auth: { user: "drain", password: "drain-pw" },
  stream: "ORDERS",
  consumer: "worker",
  batch: 200,
  maxWaitMs: 1_500,
  concurrency: 3,
  deadLetter: { subject: "dlq.orders" },
  handler: async ({ sequence }) => {
    console.log(sequence);
    await new Promise((resolve) => setTimeout(resolve, 3));
    return sequence % 5 === 0 ? reject("every fifth") : undefined;
  },
});
await drain.run({ limitMs: 20_000 });
