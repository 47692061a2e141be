// The `nats auth` command that `sluice permissions` prints, run by the real `nats`: its user drains, and may do nothing else.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { credsAuthenticator } from "@nats-io/nats-core";
import { expect, it, onTestFinished } from "vitest";
import { defineDrain } from "../../src/index.ts";
import { startTestServer } from "../support/nats.ts";
import { sluice } from "../support/sluice.ts";
import { findNatsCli } from "../support/tools.ts";

const ARGS = ["permissions", "--stream", "ORDERS", "--consumer", "billing"];
const run = promisify(execFile);
const nats = await findNatsCli();

it.skipIf(nats === undefined)(
  "sluice permissions prints a nats auth command whose user drains, and may do nothing else",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-permissions-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const env = {
      PATH: `${dirname(nats ?? "")}:${process.env.PATH ?? ""}`,
      HOME: folder,
      XDG_DATA_HOME: folder,
      XDG_CONFIG_HOME: folder,
      OPERATOR: "OP",
      ACCOUNT: "APP",
    };
    const shell = async (command: string) => await run("sh", ["-c", command], { env, cwd: folder });
    await shell("nats auth operator add OP");
    const limits = "--jetstream --js-disk 1GB --js-memory 1GB";
    await shell(`nats auth account add APP --operator OP --defaults ${limits}`);
    await shell("nats auth user add admin APP --operator OP --credential admin.creds --defaults");
    const { stdout } = await sluice(ARGS);
    await shell(/^# (nats auth .*)$/m.exec(stdout)?.[1] ?? "false");

    const store = join(folder, "nats", "nsc", "stores", "OP");
    const jwt = async (...path: string[]) => (await readFile(join(store, ...path), "utf8")).trim();
    const [operator, system, account] = [
      await jwt("OP.jwt"),
      await jwt("accounts", "SYSTEM", "SYSTEM.jwt"),
      await jwt("accounts", "APP", "APP.jwt"),
    ];
    const creds = async (name: string) => await readFile(join(folder, `${name}.creds`));
    const server = await startTestServer({
      authorization: `operator: ${operator}
        system_account: ${subjectOf(system)}
        resolver: MEMORY
        resolver_preload: { ${subjectOf(system)}: ${system}, ${subjectOf(account)}: ${account} }`,
      adminLogin: { authenticator: credsAuthenticator(await creds("admin")) },
    });
    onTestFinished(() => server.stop());
    await server.createStream("ORDERS", { subjects: ["orders.>"] });
    await server.createConsumer("ORDERS", "billing", { max_deliver: 10 });
    await server.createConsumer("ORDERS", "other");
    await server.publish("orders.eu", 3);
    const settings = {
      servers: server.wsUrl,
      auth: { creds: String(await creds("sluice")) },
      inboxPrefix: "_INBOX_sluice",
      stream: "ORDERS",
      maxWaitMs: 500,
      handler: () => {},
    };
    const drained = await defineDrain({ ...settings, consumer: "billing" }).run({ limitMs: 10_000 });
    expect(drained).toMatchObject({ reason: "empty", acked: 3 });
    const other = await defineDrain({ ...settings, consumer: "other" }).run({ limitMs: 10_000 });
    expect(other).toMatchObject({ reason: "permission-denied", fetched: 0 });
  },
  60_000,
);

/** The public key that a JWT is about. */
function subjectOf(token: string): string {
  const [, claims = ""] = token.split(".");
  return JSON.parse(Buffer.from(claims, "base64url").toString()).sub;
}
