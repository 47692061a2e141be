// Set up for each test file, in whichever runtime it runs: what it tells is looked through, and what it has put in place of
// the runtime's own is put back for the next file of its worker.
import { afterAll, vi } from "vitest";
import { failOnLeaks } from "./leaks-look.ts";

failOnLeaks();
afterAll(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});
