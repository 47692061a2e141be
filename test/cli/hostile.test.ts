// The commands beside strangers: a server that is none, a network in the clear, and dead letters that somebody forged to
// stop a redrive. Real servers; a real process where a stranger could keep it from its end.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { readStored } from "../../src/settle/stored.ts";
import { connectAs } from "../support/delivery.ts";
import { type LabServer, labFramePeer, labJwtServer, labScripted, labServer } from "../support/lab-client.ts";
import { ADMIN_USER_CONFIG } from "../support/nats.ts";
import { blockOf } from "../support/raw-publisher.ts";
import { type Run, SLUICE, sluiceEnv, sluice as sluiceIn, sluiceProcess } from "../support/sluice.ts";

const ADMIN: Readonly<Record<string, string>> = { NATS_USER: "admin", NATS_PASSWORD: "admin-pw" };
const INFO =
  'INFO {"server_id":"PEER","version":"2.15.1","proto":1,"headers":true,"max_payload":1048576}\r\n';

const sluice = async (args: readonly string[], env = ADMIN): Promise<Run> => await sluiceIn(args, env);

const COMMANDS: readonly (readonly string[])[] = [
  ["redrive", "--yes", "--stream", "DLQ"],
  ["status", "--stream", "ORDERS", "--consumer", "billing"],
  ["doctor", "--stream", "ORDERS", "--consumer", "billing"],
];

describe.each(COMMANDS)("sluice %s", (...command) => {
  it("sends no credentials to another machine over ws://, unless it is told to", async () => {
    const { code, stdout, stderr } = await sluice([
      ...command,
      "--server",
      "ws://nats.invalid/?token=hunter2",
    ]);
    expect(code).toBe(command[0] === "doctor" ? 78 : 64);
    expect(stdout + stderr).toMatch(/ws:\/\/ sends credentials to nats\.invalid unencrypted/);
    expect(stdout + stderr).not.toContain("hunter2");
  });

  it("takes ws:// to another machine with ALLOW_INSECURE, says so, and stops where the server requires TLS", async () => {
    // An address that is this machine's, by a name that does not say so.
    const server = await labScripted({ serverInfo: { tls_required: true } });
    const url = `ws://0.0.0.0:${server.port}/?token=hunter2`;
    const run = await sluice([...command, "--server", url], { ...ADMIN, ALLOW_INSECURE: "true" });
    expect(run.code).not.toBe(0);
    expect(run.stdout + run.stderr).toMatch(/requires TLS/);
    if (command[0] !== "doctor")
      expect(run.stderr).toContain(`connection to ws://0.0.0.0:${server.port} is not`);
    expect(run.stdout + run.stderr).not.toContain("hunter2");
    expect(await server.connects()).toEqual([]);
  });

  it("is ended by a server that speaks no NATS, and shows nothing of what it said", async () => {
    const said = [
      { binary: INFO },
      { await: "frame" },
      { binary: "PONG\r\n" },
      { await: "frame" },
      { binary: "SECRET s3cret-body\r\n" },
    ] as const;
    const { wsUrl } = await labFramePeer(...said);
    const run = await sluiceProcess([...command, "--server", wsUrl], ADMIN);
    expect(run.code).not.toBe(0);
    expect(run.stdout + run.stderr).not.toContain("s3cret");
    const text = await sluice([...command, "--server", (await labFramePeer({ text: "s3cret" })).wsUrl]);
    expect(text.stdout + text.stderr).toMatch(/text frame/);
  });
});

/** Streams ORDERS and DLQ, and in DLQ one dead letter of `orders.eu` for each list of header lines. */
async function given(letters: readonly (readonly string[])[], on?: LabServer): Promise<LabServer> {
  const server = on ?? (await labServer());
  await server.createStream("ORDERS", { subjects: ["orders.>"] });
  await server.createStream("DLQ", { subjects: ["dlq.>"], allow_msg_ttl: true });
  for (const lines of letters)
    await server.publishRaw({ subject: "dlq.orders", block: blockOf(...lines), body: "body" });
  return server;
}

const GOOD = ["Sluice-Subject: orders.eu", "Sluice-Stream: ORDERS", "Sluice-Sequence: 1", "Trace: a"];
const redrive = ["redrive", "--stream", "DLQ", "--yes"];
const lastLine = ({ stdout }: Run): unknown => JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");

describe("sluice redrive", () => {
  it("puts back what is behind letters that it may not publish, or of streams that it may not ask about", async () => {
    const server = await labServer({
      authorization: `accounts { APP { jetstream: enabled, users: [ ${ADMIN_USER_CONFIG},
        { user: redrive, password: "redrive-pw", permissions: { subscribe: "_INBOX.>", publish: [ "orders.eu",
          "$JS.API.STREAM.INFO.DLQ", "$JS.API.STREAM.INFO.ORDERS", "$JS.API.STREAM.MSG.GET.ORDERS",
          "$JS.API.STREAM.MSG.GET.DLQ", "$JS.API.STREAM.MSG.DELETE.DLQ" ] } } ] } }`,
    });
    await server.createStream("PAYROLL", { subjects: ["payroll.>"] });
    await given(
      [
        ["Sluice-Subject: payroll.raise", "Sluice-Stream: PAYROLL"],
        ["Sluice-Subject: orders.us", "Sluice-Stream: ORDERS"],
        ["Sluice-Subject: orders.eu", "Sluice-Stream: NONE"],
        ["Sluice-Subject: orders.eu", "Sluice-Stream: PAYROLL", "Sluice-Stub: true", "Sluice-Sequence: 1"],
        GOOD,
      ],
      server,
    );
    const user = { NATS_USER: "redrive", NATS_PASSWORD: "redrive-pw" };
    const dry = await sluice([...redrive, "--server", server.wsUrl, "--dry-run"], user);
    // That it may not publish to orders.us, only trying can tell.
    expect(lastLine(dry)).toEqual({ wouldRedrive: 2, wouldRefuse: 3, skipped: 0, left: 5 });
    // What is refused does not use up --max, or those in front would keep all others back in every run.
    const run = await sluice([...redrive, "--server", server.wsUrl, "--max", "1"], user);
    expect(lastLine(run)).toEqual({ redriven: 1, duplicates: 0, skipped: 0, refused: 4, left: 4 });
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/"payroll.raise" is not put back: Permissions Violation/);
    expect(await server.messages("ORDERS")).toMatchObject([{ subject: "orders.eu", data: "body" }]);
    expect((await server.streamState("PAYROLL")).messages).toBe(0);
  });

  it("puts back what is behind letters whose subject or stream no line of the protocol can hold", async () => {
    const long = "x".repeat(60_000);
    const server = await given([
      [`Sluice-Subject: orders.${long}`, "Sluice-Stream: ORDERS"],
      [`Sluice-Subject: orders.${"\xc3\xbc".repeat(2_000)}`, "Sluice-Stream: ORDERS"],
      // Which bytes they were nobody knows any more.
      ["Sluice-Subject: orders.\xff", "Sluice-Stream: ORDERS"],
      ["Sluice-Subject: orders.eu", `Sluice-Stream: ${long}`],
      GOOD,
    ]);
    const run = await sluice([...redrive, "--server", server.wsUrl]);
    expect(lastLine(run)).toEqual({ redriven: 1, duplicates: 0, skipped: 4, refused: 0, left: 4 });
    expect(run.stderr.length).toBeLessThan(4_000);
  });

  it("puts the message of a stub back without the headers that no client can carry", async () => {
    const server = await given([[...GOOD.slice(0, 3), "Sluice-Stub: true"]]);
    await server.publishRaw({
      subject: "orders.eu",
      block: blockOf("Foo Bar: x", "Trace: a"),
      body: "large",
    });
    const run = await sluice([...redrive, "--server", server.wsUrl]);
    expect(lastLine(run)).toMatchObject({ redriven: 1, skipped: 0, left: 0 });
    const { nats } = await connectAs("admin", server.wsUrl);
    onTestFinished(() => nats.close());
    const again = await readStored(nats, { stream: "ORDERS", sequence: 2, domain: undefined }, 5_000);
    expect([again.subject, new TextDecoder().decode(again.data)]).toEqual(["orders.eu", "large"]);
    expect(again.headers.get("Trace")).toBe("a");
  });

  it("takes no copy for its own that will expire", async () => {
    const server = await given([GOOD]);
    await server.updateStream("ORDERS", { allow_msg_ttl: true });
    const copy = blockOf("Nats-Msg-Id: sluice-redrive:DLQ:1", "Nats-TTL: 1h", "Trace: a");
    await server.publishRaw({ subject: "orders.eu", block: copy, body: "body" });
    const run = await sluice([...redrive, "--server", server.wsUrl]);
    expect(lastLine(run)).toMatchObject({ redriven: 1, duplicates: 0, left: 0 });
    const [, own] = await server.messages("ORDERS");
    expect(own?.headers).not.toHaveProperty("Nats-TTL");
  });

  it("takes no name for its stream that would ask another API", async () => {
    const { code, stderr } = await sluice(["redrive", "--yes", "--server", "wss://x", "--stream", "A.>"]);
    expect({ code, stderr }).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/--stream must be a name/),
    });
  });

  it("signs in with an nkey seed or a .creds file through the same connection", async () => {
    const server = await labJwtServer();
    await server.createStream("DLQ", { subjects: ["dlq.>"] });
    const run = await sluice([...redrive, "--server", server.wsUrl], { NATS_CREDS: server.creds.admin });
    expect(run).toMatchObject({ code: 0, stderr: "" });
  });

  // util-linux's: it gives a program a terminal of its own.
  it.skipIf(!existsSync("/usr/bin/script"))(
    "asks on a terminal, with what strangers wrote made harmless, and puts nothing back without a yes",
    async () => {
      const server = await given([[...GOOD, "Sluice-Reason: a\x1b]0;b\x07\xe2\x80\xaec"]]);
      const command = `${process.execPath} ${SLUICE} redrive --stream DLQ --server ${server.wsUrl}`;
      const onTerminal = async (answer: string): Promise<Run> => {
        const child = spawn("/usr/bin/script", ["-qefc", command, "/dev/null"], { env: sluiceEnv(ADMIN) });
        let shown = "";
        child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
          if (!shown.includes("[y/N]") && (shown + chunk).includes("[y/N]")) child.stdin.write(answer);
          shown += chunk;
        });
        const code = await new Promise((resolve) => child.once("close", resolve));
        return { code, stdout: shown, stderr: "" };
      };
      for (const [answer, code] of [
        ["n\n", 1],
        ["\n", 1],
        ["yesterday\n", 1],
        ["\u0004", 1],
        ["\u0003", 130],
      ] as const) {
        const run = await onTerminal(answer);
        expect(run.stdout).toMatch(/1 +orders\.eu +a\\u\{1b\}\]0;b\\u\{7\}\\u\{202e\}c/);
        expect(run.stdout).toContain("Put back 1? [y/N] ");
        expect([answer, run.code]).toEqual([answer, code]);
      }
      expect((await server.streamState("ORDERS")).messages).toBe(0);
      const yes = await onTerminal("y\n");
      expect(yes.code).toBe(0);
      expect(yes.stdout).toContain('{"redriven":1,"duplicates":0,"skipped":0,"refused":0,"left":0}');
      expect((await server.streamState("ORDERS")).messages).toBe(1);
    },
  );
});
