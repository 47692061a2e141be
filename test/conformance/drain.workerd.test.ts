// The conformance suite inside workerd, where the deployable Worker runs.
import { drainSuite } from "./drain.suite.ts";

drainSuite("workerd");
