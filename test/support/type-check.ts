// An example against the real types of the platform that it is for, which test/support/platforms.d.ts shortens.
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { MODULES, type Parts } from "./parts.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const TSC = join(MODULES, "typescript/bin/tsc");
const SOURCES = { sluice: [`${root}src/index.ts`], "sluice/*": [`${root}src/triggers/*.ts`] };

/** What tsc has to say of an example in a folder where its platform's packages are: nothing, if it is right. */
export async function typeErrors(example: string, { folder: parent = "" }: Parts): Promise<string> {
  const folder = await mkdtemp(join(parent, "types-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await cp(`${root}examples/${example}`, folder, { recursive: true });
  const config = {
    extends: `${root}test/tsconfig.json`,
    compilerOptions: { rootDir: "/", paths: SOURCES, types: ["node"] },
    include: [],
    files: (await readdir(folder)).filter((name) => name.endsWith(".ts")),
  };
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  const checked = promisify(execFile)(process.execPath, [TSC, "-p", folder]);
  return await checked.then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout || String(error),
  );
}
