// The laboratory's own process: always Node, whichever runtime runs the tests, because a stopped server's end hangs in others,
// and because nothing that the runner does may delay a proxy. Prints its address; ends when its standard input does.
import { once } from "node:events";
import { findNatsBinary } from "../../src/demo/nats-binary.ts";
import { certificatesOfThisRun } from "./config.ts";
import { startLab } from "./lab.ts";

// Its errors travel as their messages, and nats-core makes one, with its stack, for each request.
Error.stackTraceLimit = 0;
// Fetched once here, instead of once in each of the tests' processes.
const binary = await findNatsBinary({ log: (line) => console.error(line) });
console.error(`nats-server ${binary.version} (${binary.source}: ${binary.path})`);
const lab = await startLab(await certificatesOfThisRun());
console.log(lab.url);
process.stdin.resume();
await once(process.stdin, "end");
await lab.stop();
