// The demo, run for real as a user runs it: what it says, and that it leaves nothing behind however it ends.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";

const MAIN = fileURLToPath(new URL("../../src/demo/main.ts", import.meta.url));

interface Demo {
  readonly child: ChildProcess;
  /** Everything so far. */
  readonly output: { stdout: string; stderr: string };
  /** Where it puts its temporary files; the environment of each process that it starts has the path in it. */
  readonly folder: string;
  /** Resolves with the exit code once it has ended and said all. */
  readonly ended: Promise<number | null>;
  /** Resolves when the output has the text; rejects when the demo ends without it. */
  says(text: string): Promise<void>;
}

async function startDemo(...args: string[]): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-start-test-"));
  const env = { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      child.emit("said");
    });
  }
  const ended = once(child, "close").then(([code]): number | null => code);
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  const said = (text: string): boolean => `${output.stdout}${output.stderr}`.includes(text);
  const says = async (text: string): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.on("said", () => said(text) && resolve());
    void ended.then(() => reject(new Error(`ended without ${JSON.stringify(text)}: ${output.stderr}`)));
    if (said(text)) resolve();
    await promise;
  };
  return { child, output, folder, ended, says };
}

/** Processes with the text in their environment, other than this one. Only Linux tells; elsewhere it is none. */
async function processesWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc").catch(() => [])) {
    const environment = /^\d+$/.test(pid)
      ? await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "")
      : "";
    if (environment.includes(text)) found.push(await readFile(`/proc/${pid}/comm`, "utf8").catch(() => pid));
  }
  return found.map((name) => name.trim());
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    return await once(socket, "connect").then(
      () => true,
      () => false,
    );
  } finally {
    socket.destroy();
  }
}

function portsIn(text: string): number[] {
  return [...new Set([...text.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port)))];
}

async function expectNothingLeft({ output, folder }: Demo): Promise<void> {
  expect(await processesWith(folder)).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
  for (const port of portsIn(output.stderr)) expect(await isListening(port), `port ${port}`).toBe(false);
}

/** Ctrl-C ends every process, and removes the store. */
async function endByCtrlC(demo: Demo): Promise<void> {
  if (process.platform === "win32") return;
  expect(await readdir(demo.folder)).toContainEqual(expect.stringMatching(/^sluice-nats-/));
  demo.child.kill("SIGINT");
  expect(await demo.ended).toBe(130);
  expect(demo.output.stderr).not.toContain("sluice:");
  await expectNothingLeft(demo);
}

describe("npm start -- --once", () => {
  it("gets every webhook from the server to the target, by cron and by POST /drain, and leaves nothing behind", async () => {
    const demo = await startDemo("--once");
    expect(await demo.ended, demo.output.stderr).toBe(0);

    const summary = JSON.parse(demo.output.stdout.trimEnd().split("\n").at(-1) ?? "");
    expect(summary).toEqual({
      published: expect.any(Number),
      received: summary.published,
      acked: summary.published,
      left: 0,
      drains: expect.any(Number),
    });
    expect(summary.published).toBeGreaterThan(300);
    expect(summary.drains).toBeGreaterThanOrEqual(2);
    expect(demo.output.stdout).toMatch(/(^| )pull_request +\d+$/m);
    expect(demo.output.stdout).toMatch(/^ *1 {2}cron +ok +batch-full +100 +100 +\d+ ms/m);
    expect(demo.output.stdout).toMatch(/^ *2 {2}POST \/drain +200 /m);
    expect(demo.output.stderr, "no control codes without a terminal").not.toContain("\x1b");
    expect(portsIn(demo.output.stderr)).toHaveLength(3);
    await expectNothingLeft(demo);
  });

  it("says in one line that the port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo; // A listening TCP server has no other kind of address.

    const demo = await startDemo("--once", "--port", String(port));
    expect(await demo.ended).toBe(1);
    expect(demo.output.stderr).toBe(
      `sluice: --port ${port}: the port is taken on 127.0.0.1; choose another, or leave --port out\n`,
    );
    await expectNothingLeft(demo);
  });
});

describe("npm start", () => {
  it("prints the dashboard's URL and its login, which show the drains that were, and runs on until Ctrl-C", async () => {
    const demo = await startDemo();
    await demo.says("Ctrl-C ends it");
    const { stderr } = demo.output;
    const [, url = "", token = ""] = /dashboard: +(http\S+) \(log in with (\S+)\)/.exec(stderr) ?? [];
    const login = {
      method: "POST",
      body: new URLSearchParams({ token }),
      headers: { Origin: new URL(url).origin },
    };
    const response = await fetch(new URL("/login", url), { ...login, redirect: "manual" });
    const Cookie = response.headers.get("Set-Cookie")?.split(";")[0] ?? "";
    const html = await (await fetch(url, { headers: { Cookie } })).text();
    expect(html).toContain("<dt>Lag</dt><dd>0</dd>");
    expect(html).toContain("completed: batch-full, ");
    await endByCtrlC(demo);
  });
});

it.each([
  [["--onec"], "sluice: Unknown option '--onec'"],
  [["now"], "sluice: Unexpected argument 'now'"],
  [["--port", "80a"], "sluice: --port must be a number from 1 to 65535, not '80a'"],
])("npm start -- %j is answered with one line and exit code 64", async (args, line) => {
  const demo = await startDemo(...args);
  expect(await demo.ended).toBe(64);
  expect(demo.output.stderr).toContain(line);
  expect(demo.output.stderr).toMatch(/^[^\n]*; see npm start -- --help\n$/);
});

describe("Ctrl-C", () => {
  const moments: [moment: string, text: string][] = [
    ["while the Worker starts", "webhooks published"],
    ["in the middle of the drains", "drain by cron"],
  ];
  it.skipIf(process.platform === "win32").each(moments)(
    "ends every process and removes the store %s",
    async (_, text) => {
      const demo = await startDemo();
      await demo.says(text);
      await endByCtrlC(demo);
    },
  );
});
