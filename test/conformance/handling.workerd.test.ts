// Handling, inside workerd.
import { handlingSuite } from "./handling.suite.ts";

handlingSuite("workerd");
