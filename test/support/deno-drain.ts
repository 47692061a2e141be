// A drain of a server that is not there, for a run with permissions missing: prints how it ended.
import { defineDrain } from "../../src/index.ts";

const drain = defineDrain({ servers: "ws://127.0.0.1:9", stream: "A", consumer: "b", handler: () => {} });
const { outcome, reason, message } = await drain.run({ limitMs: 10_000 });
process.stdout.write(JSON.stringify({ outcome, reason, message }));
