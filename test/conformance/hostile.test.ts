// A hostile publisher, in Node.
import { hostileSuite } from "./hostile.suite.ts";

hostileSuite("Node");
