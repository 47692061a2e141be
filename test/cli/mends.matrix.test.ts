// Each command that preflight gives, run by the real `nats` on a real server: it takes the command, and the finding is gone.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ConsumerConfig } from "@nats-io/jetstream";
import { expect, it, onTestFinished } from "vitest";
import { startTestServer } from "../support/nats.ts";
import { findNatsCli } from "../support/tools.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MAIN = join(ROOT, "src", "cli", "main.ts");
const SECOND_NS = 1_000_000_000;

const run = promisify(execFile);

const nats = await findNatsCli();

const BAD: [code: string, config: Partial<ConsumerConfig>, env: Record<string, string>, args: string[]][] = [
  ["inactive-threshold", { inactive_threshold: 5 * SECOND_NS }, {}, ["--every", "1m"]],
  ["ack-wait", { ack_wait: SECOND_NS }, { HANDLER_TIMEOUT_MS: "5000" }, []],
  ["backoff-replaces-ack-wait", { backoff: [SECOND_NS], max_deliver: 10 }, {}, []],
  ["max-deliver-few", { max_deliver: 1 }, {}, []],
  ["max-deliver-unlimited", { max_deliver: -1 }, {}, []],
  ["max-ack-pending", { max_ack_pending: 10 }, {}, []],
  ["max-batch", { max_batch: 10 }, {}, []],
  ["max-expires", { max_expires: SECOND_NS }, {}, []],
  ["sampling", { sample_freq: "100" }, {}, []],
  ["headers-only", { headers_only: true }, {}, []],
  [
    "dead-letter-uncaptured",
    {},
    { NATS_USER: "admin", NATS_PASSWORD: "admin-pw", DEAD_LETTER_SUBJECT: "dlq.orders" },
    [],
  ],
];

it.skipIf(nats === undefined).each(BAD)(
  "the mend of %s is a command that nats takes, and mends it",
  async (code, config, vars, args) => {
    const server = await startTestServer();
    onTestFinished(() => server.stop());
    await server.createStream("ORDERS", { subjects: ["orders.>"] });
    const good = { ack_wait: 60 * SECOND_NS, max_deliver: 10 };
    await server.createConsumer("ORDERS", "billing", { ...good, ...config });
    const login = { NATS_USER: "admin", NATS_PASSWORD: "admin-pw" };
    const env = {
      NATS_URL: server.wsUrl,
      NATS_STREAM: "ORDERS",
      NATS_CONSUMER: "billing",
      ...login,
      ...vars,
    };
    const diagnose = async (): Promise<{ code: string; mend?: string }[]> => {
      const doctor = run(process.execPath, [MAIN, "doctor", "--json", ...args], { env });
      const { stdout } = await doctor.catch((error: { stdout: string }) => error);
      return JSON.parse(stdout).findings;
    };
    const [found] = (await diagnose()).filter((finding) => finding.code === code);
    const home = await mkdtemp(join(tmpdir(), "sluice-mends-"));
    onTestFinished(() => rm(home, { recursive: true, force: true }));
    const path = `${dirname(nats ?? "")}:${process.env.PATH ?? ""}`;
    const own = { PATH: path, HOME: home, NATS_URL: server.natsUrl };
    await run("sh", ["-c", found?.mend ?? "false"], {
      env: { ...own, NATS_USER: "admin", NATS_PASSWORD: "admin-pw" },
      timeout: 20_000,
    });
    expect(await diagnose()).toEqual([]);
  },
  60_000,
);
