// A hostile publisher, in Node.
import { hostileServerSuite } from "./hostile-server.suite.ts";

hostileServerSuite("Node");
