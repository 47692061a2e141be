// The truth about deliveries, in Node.
import { truthSuite } from "./truth.suite.ts";

truthSuite("Node");
