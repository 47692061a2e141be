// Set up for each test file that runs in workerd, whose modules vitest cannot replace: every report is looked through where a
// plugin of vitest.config.ts has it told (config.ts), beside what leaks-look.ts looks through.
import { look } from "./leaks-look.ts";

Object.assign(globalThis, { sluiceTold: look });
