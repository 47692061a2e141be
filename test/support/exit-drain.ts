// A process that drains once, prints its report and does nothing more: whether it then ends is its parent's test.
import { defineDrain } from "../../src/index.ts";

const [servers = "", limitMs = "0", maxWaitMs = "1500"] = process.argv.slice(2);
const drain = defineDrain({
  servers,
  auth: { user: "drain", password: "drain-pw" },
  stream: "ORDERS",
  consumer: "worker",
  maxWaitMs: Number(maxWaitMs),
  heartbeatMs: 200,
  handler: () => {},
});
console.log(JSON.stringify(await drain.run({ limitMs: Number(limitMs) })));
