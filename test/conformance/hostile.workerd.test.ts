// A hostile publisher, inside workerd.
import { hostileSuite } from "./hostile.suite.ts";

hostileSuite("workerd");
