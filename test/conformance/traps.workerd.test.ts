// The traps, inside workerd.
import { trapSuite } from "./traps.suite.ts";

trapSuite("workerd");
