// The truth about deliveries, inside workerd.
import { truthSuite } from "./truth.suite.ts";

truthSuite("workerd");
