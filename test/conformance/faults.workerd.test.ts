// The fault suite inside workerd.
import { faultSuite } from "./faults.suite.ts";

faultSuite("workerd");
