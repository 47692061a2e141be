// The traps, in Node.
import { trapSuite } from "./traps.suite.ts";

trapSuite("Node");
