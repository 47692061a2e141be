// The conformance suite in Node.
import { drainSuite } from "./drain.suite.ts";

drainSuite("Node");
