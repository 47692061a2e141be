// The bundle: what the deployable Worker weighs and what its start costs, beside a Worker of the same libraries that a user would write.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildWorker, startupMs } from "../support/wrangler.ts";
import type { Measure } from "./bench.ts";
import { COMPATIBILITY_DATE } from "./runtimes.ts";
import { alternate, median, round } from "./stats.ts";

export interface Bundle {
  /** Minified and gzipped. */
  readonly gzipBytes: number;
  readonly floorGzipBytes: number;
  readonly overFloorBytes: number;
  /** Active time in the start-up profile of `wrangler check startup`. */
  readonly startupMs: number;
  readonly floorStartupMs: number;
  /** startupMs / floorStartupMs */
  readonly startupRatio: number;
}

const MAX_OVER_BYTES = 12 * 1024;
const MAX_STARTUP = 1.2;
const ROUNDS = { count: 5, warmUps: 1 };
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FLOOR = fileURLToPath(new URL("floor-worker.ts", import.meta.url));

export const bundle: Measure<Bundle> = {
  name: "bundle",
  key: "bundle",
  run: async ({ log, rounds }) => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
    try {
      const floorConfig = join(folder, "floor.toml");
      await writeFile(
        floorConfig,
        `name = "floor"\nmain = ${JSON.stringify(FLOOR)}\ncompatibility_date = "${COMPATIBILITY_DATE}"\nkeep_names = false\n`,
      );
      const built = {
        sluice: await buildWorker(join(ROOT, "wrangler.toml"), join(folder, "sluice")),
        floor: await buildWorker(floorConfig, join(folder, "floor")),
      };
      const gzipBytes = { sluice: built.sluice.gzipBytes, floor: built.floor.gzipBytes };
      log(`bundle: ${kib(gzipBytes.sluice)}, floor ${kib(gzipBytes.floor)}`);
      const startups = await alternate(["sluice", "floor"], rounds(ROUNDS), (side) =>
        startupMs(built[side].upload, folder),
      );
      const [sluiceMs, floorMs] = [median(startups.sluice), median(startups.floor)];
      log(`start-up: ${round(sluiceMs)} ms, floor ${round(floorMs)} ms`);
      return {
        gzipBytes: gzipBytes.sluice,
        floorGzipBytes: gzipBytes.floor,
        overFloorBytes: gzipBytes.sluice - gzipBytes.floor,
        ...{
          startupMs: round(sluiceMs),
          floorStartupMs: round(floorMs),
          startupRatio: round(sluiceMs / floorMs, 2),
        },
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  rows: (result) => [
    {
      what: "bundle of the deployable Worker, minified and gzipped",
      sluice: kib(result.gzipBytes),
      peer: `floor ${kib(result.floorGzipBytes)}`,
      got: `${kib(result.overFloorBytes)} over`,
      target: `at most ${kib(MAX_OVER_BYTES)} over`,
      met: result.overFloorBytes <= MAX_OVER_BYTES,
    },
    {
      what: "its start-up CPU",
      sluice: `${result.startupMs} ms`,
      peer: `floor ${result.floorStartupMs} ms`,
      got: `${result.startupRatio} x`,
      target: `at most ${MAX_STARTUP} x`,
      met: result.startupRatio <= MAX_STARTUP,
    },
  ],
};

function kib(bytes: number): string {
  return `${round(bytes / 1024)} KiB`;
}
