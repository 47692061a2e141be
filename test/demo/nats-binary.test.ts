// How nats-server is found: the order of versions, where copies are kept, and what a wrong NATS_SERVER says.
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { cacheFolders, findNatsBinary, parseNatsVersion } from "../../src/demo/nats-binary.ts";

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
