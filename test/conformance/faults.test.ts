// The fault suite in Node.
import { faultSuite } from "./faults.suite.ts";

faultSuite("Node");
