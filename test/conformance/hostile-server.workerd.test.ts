// A hostile publisher, inside workerd.
import { hostileServerSuite } from "./hostile-server.suite.ts";

hostileServerSuite("workerd");
