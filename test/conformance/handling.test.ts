// Handling, in Node.
import { handlingSuite } from "./handling.suite.ts";

handlingSuite("Node");
