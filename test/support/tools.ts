// Programs that judge what the project says: Prometheus' own promtool, the `nats` command line, a server that is too old. Each
// is fetched once and kept as nats-server is; undefined where it cannot be had, and then the tests that need it are skipped by name.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, unpackWithApt } from "../../src/demo/nats-download.ts";

const CACHE = fileURLToPath(new URL("../../node_modules/.cache/sluice/", import.meta.url));
const NATS_CLI_VERSION = "v0.5.1";
/** Go fetches and compiles. */
export const BUILD_MS = 600_000;
/** A test that waits for its tool longer is a test that hangs. */
const FETCH_MS = 45_000;

/** The path of promtool: of `PROMTOOL`, or of the distribution's package. */
export async function findPromtool(): Promise<string | undefined> {
  const named = process.env.PROMTOOL ?? "promtool";
  if (await runs(named, "--version")) return named;
  return await kept("promtool", async (folder) =>
    join(await unpackWithApt("prometheus", folder, AbortSignal.timeout(FETCH_MS)), "usr", "bin", "promtool"),
  );
}

/** The path of `nats`, built with Go. */
export async function findNatsCli(): Promise<string | undefined> {
  return await kept("nats", async (folder) => {
    const env = { GOBIN: folder, CGO_ENABLED: "0" };
    const args = ["install", `github.com/nats-io/natscli/nats@${NATS_CLI_VERSION}`];
    await run("go", args, { env, timeoutMs: BUILD_MS });
    return join(folder, "nats");
  });
}

/** The release before the oldest that Sluice is tested against. */
const TOO_OLD_VERSION = "2.9.9";

/** A nats-server that is too old, built with Go. */
export async function findTooOldNatsServer(): Promise<{ path: string; version: string } | undefined> {
  const path = await kept(`nats-server-${TOO_OLD_VERSION}`, async (folder) => {
    const env = { GOBIN: folder, CGO_ENABLED: "0" };
    const args = ["install", `github.com/nats-io/nats-server/v2@v${TOO_OLD_VERSION}`];
    await run("go", args, { env, timeoutMs: BUILD_MS });
    return join(folder, "nats-server");
  });
  return path === undefined ? undefined : { path, version: TOO_OLD_VERSION };
}

/** The executable of this name in the cache; fetched into a folder of its own where it is not there yet. */
async function kept(name: string, fetch: (folder: string) => Promise<string>): Promise<string | undefined> {
  const path = join(CACHE, "tools", name);
  if (existsSync(path)) return path;
  await mkdir(join(CACHE, "tools"), { recursive: true });
  const folder = await mkdtemp(join(CACHE, "fetching-"));
  try {
    await rename(await fetch(folder), path);
    return path;
  } catch {
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runs(path: string, ...args: string[]): Promise<boolean> {
  return await run(path, args, { timeoutMs: 10_000 }).then(
    () => true,
    () => false,
  );
}
