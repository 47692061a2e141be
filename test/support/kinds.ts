// Which kind each test file is, read from what it imports: so that none is in the wrong project, and a run of pure tests
// starts nothing.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * - `unit`: needs no server.
 * - `node`: needs the laboratory, or a nats-server of its own; the command against one, too.
 * - `workerd`: runs inside workerd (`*.workerd.test.ts`).
 * - `process`: starts programs that keep a core busy: wrangler, npm, tsc, the demo.
 * - `matrix`: only for `npm run test:matrix` (`*.matrix.test.ts`).
 */
export type Kind = "unit" | "node" | "workerd" | "process" | "matrix";

const PROGRAMS = /^(wrangler|miniflare|@netlify\/dev)$|\/dev-worker(-server)?\.ts$/;
/** Light beside a server: what such a test starts waits for it most of the time. */
const PROCESSES = /^node:child_process$/;
const SERVERS = /\/support\/(lab-client|nats|cluster)\.ts$/;
/** A static import or re-export of values. A type is gone when the test runs. */
const IMPORT = /^(?:import|export)\s+(?!type\s)(?:[^;"']*?\sfrom\s+)?["']([^"']+)["']/gm;

/** Every test file's path from `root`, by kind. */
export function testFiles(root: string): Record<Kind, string[]> {
  const files: Record<Kind, string[]> = { unit: [], node: [], workerd: [], process: [], matrix: [] };
  for (const file of globSync("test/**/*.test.ts", { cwd: root }).sort())
    files[kindOf(join(root, file))].push(file);
  return files;
}

function kindOf(file: string): Kind {
  if (file.endsWith(".workerd.test.ts")) return "workerd";
  if (file.endsWith(".matrix.test.ts")) return "matrix";
  const all = reached(file);
  if (all.some((name) => PROGRAMS.test(name))) return "process";
  if (all.some((name) => SERVERS.test(name))) return "node";
  return all.some((name) => PROCESSES.test(name)) ? "process" : "unit";
}

/** What a file of the tests imports, itself or through others of the tests. Files of src are named, not opened. */
function reached(file: string, seen: Set<string> = new Set()): string[] {
  if (seen.has(file) || !existsSync(file)) return []; // what is not there is the test's failure, not the run's
  seen.add(file);
  return importsOf(file).flatMap((name) => {
    if (!name.startsWith(".")) return [name];
    const path = join(dirname(file), name);
    // How a helper does its work is its own affair: nats.ts starts a program, and is known by its name.
    const opened = /\/test\//.test(path) && path.endsWith(".ts") && !SERVERS.test(path);
    return opened ? [path, ...reached(path, seen)] : [path];
  });
}

/** By file: most helpers are reached from many tests. */
const imports = new Map<string, readonly string[]>();

function importsOf(file: string): readonly string[] {
  const known = imports.get(file);
  if (known) return known;
  const found = Array.from(readFileSync(file, "utf8").matchAll(IMPORT), ([, name = ""]) => name);
  imports.set(file, found);
  return found;
}
