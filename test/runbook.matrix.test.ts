// The runbook's commands, run as they stand: `nats` takes each, and so does `sluice`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestServer, type TestServer } from "./support/nats.ts";
import { SLUICE } from "./support/sluice.ts";
import { findNatsCli } from "./support/tools.ts";

const PAGE = readFileSync(new URL("../docs/operate.md", import.meta.url), "utf8");
const nats = await findNatsCli();

const blocks = Array.from(PAGE.matchAll(/^```sh\n([^`]+)```$/gm), ([, block = ""]) => block);
const commands = [...new Set(blocks.flatMap((block) => block.trim().split("\n")))].filter((line) =>
  /^(nats|npx sluice) /.test(line),
);
/** Goes on until it is ended. */
const GOES_ON = /--watch|^nats events/;

let server: TestServer;
let folder: string;

beforeAll(async () => {
  server = await startTestServer({
    authorization: `
      accounts {
        APP { jetstream: enabled, users: [ { user: admin, password: "admin-pw" } ] }
        SYS { users: [ { user: system, password: "system-pw" } ] }
      }
      system_account: SYS`,
  });
  folder = await mkdtemp(join(tmpdir(), "sluice-runbook-"));
  const vars = `NATS_URL = "${server.wsUrl}"\nNATS_STREAM = "EVENTS"\nNATS_CONSUMER = "sluice"\n`;
  await writeFile(join(folder, "wrangler.toml"), `[vars]\n${vars}`);
  await server.createStream("EVENTS");
  await server.createConsumer("EVENTS", "sluice", { max_deliver: 10, ack_wait: 60_000_000_000 });
  await server.publish("EVENTS.made", 50);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

it.skipIf(nats === undefined).each(commands)(
  "runs: %s",
  async (command) => {
    const isOurs = command.startsWith("npx sluice");
    const line = command.replace(/^npx sluice/, `"${process.execPath}" "${SLUICE}"`);
    const isSystem = /^nats server/.test(command);
    // It makes what is there already.
    if (/^nats consumer add EVENTS sluice /.test(command)) {
      await (await server.admin()).request("$JS.API.CONSUMER.DELETE.EVENTS.sluice");
    }
    const child = spawn("sh", ["-c", `exec ${line}`], {
      cwd: folder,
      env: {
        PATH: `${dirname(nats ?? "")}:${process.env.PATH ?? ""}`,
        HOME: folder,
        XDG_DATA_HOME: folder,
        XDG_CONFIG_HOME: folder,
        NATS_URL: isOurs ? server.wsUrl : server.natsUrl,
        NATS_USER: isSystem ? "system" : "admin",
        NATS_PASSWORD: isSystem ? "system-pw" : "admin-pw",
        NATS_STREAM: "EVENTS",
        NATS_CONSUMER: "sluice",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text) => {
        said += text;
        if (GOES_ON.test(command)) child.kill("SIGINT");
      });
    }
    const [code] = await once(child, "close");
    expect(said).not.toMatch(/unknown|unexpected|error:/);
    if (!GOES_ON.test(command)) expect([0, ...(isOurs ? [1] : [])]).toContain(code);
  },
  60_000,
);
