// A peer that misbehaves while a drain connects, or after: what it did is known at once, in words that hold nothing of it.
import { expect, onTestFinished, test, vi } from "vitest";
import { connect } from "../../src/connection/connect.ts";
import { classifyConnectFailure } from "../../src/connection/failure.ts";
import type { Servers } from "../../src/connection/login.ts";
import { now } from "../../src/deadline.ts";
import {
  labFramePeer,
  labHangUpPeer,
  labMutePeer,
  labRefusedPort,
  labScripted,
  labServer,
  labStatusPeer,
} from "../support/lab-client.ts";
import type { PeerStep } from "../support/peers.ts";

const INFO =
  'INFO {"server_id":"PEER","version":"2.15.1","proto":1,"headers":true,"max_payload":1048576}\r\n';
const GREETING: readonly PeerStep[] = [{ binary: INFO }, { await: "frame" }, { binary: "PONG\r\n" }];
const LONG_MS = 20_000;

async function attempt(servers: Servers, ms = LONG_MS, allowInsecure = false) {
  const started = performance.now();
  const given = { servers, allowInsecure, name: "peer", auth: { user: "admin", password: "admin-pw" } };
  const made = await connect(given, now() + ms, new AbortController().signal);
  if (made.kind === "connected") onTestFinished(() => made.connection.close());
  return { made, tookMs: performance.now() - started };
}

/** What a connection to such a peer fails with, well before its time is up. */
async function failureOf(servers: string, allowInsecure = false): Promise<string> {
  const { made, tookMs } = await attempt(servers, LONG_MS, allowInsecure);
  if (made.kind === "connected") throw new Error("connected");
  expect(tookMs).toBeLessThan(LONG_MS / 4);
  const { reason, message } = classifyConnectFailure(made, "the server");
  return `${reason}: ${message}`;
}

/** What a connection that was made to such a peer ends with. */
async function lossAfter(...steps: PeerStep[]): Promise<string> {
  const print = vi.spyOn(console, "log").mockImplementation(() => {});
  onTestFinished(() => print.mockRestore());
  const peer = await labFramePeer(...GREETING, ...steps);
  const { made } = await attempt(peer.wsUrl);
  if (made.kind !== "connected") throw new Error(made.kind);
  const { reason, message } = await made.connection.lost;
  expect(print).not.toHaveBeenCalled();
  return `${reason}: ${message}`;
}

for (const how of ["close", "reset"] as const) {
  test(`a peer that ends the connection before the upgrade (${how}) is known at once`, async () => {
    expect(await failureOf((await labHangUpPeer(how)).wsUrl)).toMatch(/^connect-failed/);
  });

  test(`a peer that ends the connection before its INFO (${how}) is known at once`, async () => {
    expect(await failureOf((await labFramePeer({ end: how })).wsUrl)).toMatch(/^connect-failed/);
  });

  test(`a peer that ends the connection after its INFO (${how}) is known at once`, async () => {
    const peer = await labFramePeer({ binary: INFO }, { await: "frame" }, { end: how });
    expect(await failureOf(peer.wsUrl)).toMatch(/^connect-failed/);
  });
}

test("a text frame ends the connection, before INFO and after it", async () => {
  const peer = await labFramePeer({ text: "1000000000" });
  expect(await failureOf(peer.wsUrl)).toMatch(/^connect-failed: .*text frame/);
  expect(await lossAfter({ text: "1000000000" })).toMatch(/^connection-lost: .*text frame/);
});

test("60,000 frames of a byte before INFO end the connection at once", async () => {
  const peer = await labFramePeer({ binary: "I", frames: 60_000 });
  expect(await failureOf(peer.wsUrl)).toMatch(/^connect-failed: .*frames/);
});

test("a frame of fragments without an end takes no more than the slice to connect, nor more bytes than a frame may have", async () => {
  const endless = await labFramePeer({ binary: "I", frames: 60_000, fragments: true });
  const { made, tookMs } = await attempt(endless.wsUrl, 2_000);
  expect(made.kind).not.toBe("connected");
  expect(tookMs).toBeLessThan(4_000);
  // More than a frame may have, which takes a loaded machine a while.
  expect(await lossAfter({ binary: "", fill: 1_000_000, frames: 60, fragments: true })).toMatch(
    /^connection-lost: ./,
  );
});

test("an INFO without an end ends the connection", async () => {
  const peer = await labFramePeer({ binary: "INFO {", fill: 1_000_000 });
  expect(await failureOf(peer.wsUrl)).toMatch(/^connect-failed: .*without completing the handshake/);
});

test("a flood between INFO and PONG ends the connection", async () => {
  const peer = await labFramePeer(
    { binary: INFO },
    { binary: "-ERR ", frames: 1 },
    { binary: "x", frames: 10_000 },
  );
  expect(await failureOf(peer.wsUrl)).toMatch(/^connect-failed: .*frames/);
});

test("a thousand lines between INFO and PONG end the connection, in however few frames", async () => {
  for (const line of ["+OK\r\n", "PING\r\n", "-ERR 'No'\r\n", INFO]) {
    const peer = await labFramePeer({ binary: INFO }, { binary: line.repeat(1_000) });
    expect(await failureOf(peer.wsUrl)).toMatch(/^connect-failed: ./);
  }
});

for (const [name, greeting] of Object.entries({
  "no INFO": "HELLO secret\r\n",
  "an INFO without a version": "INFO {}\r\n",
  "an INFO that is no JSON": "INFO {secret}\r\n",
  "a message before the PONG": `${INFO}MSG secret 1 0\r\n\r\n`,
})) {
  test(`${name} is no nats-server, and its text is not told`, async () => {
    const failure = await failureOf((await labFramePeer({ binary: greeting })).wsUrl);
    expect(failure).toMatch(/^connect-failed: .*The server/);
    expect(failure).not.toContain("secret");
  });
}

for (const [name, binary] of Object.entries({ "no bytes": "", "a line end": "\r\n", "a PONG": "PONG\r\n" })) {
  test(`frames of ${name} without an end end the connection`, async () => {
    expect(await lossAfter({ binary, frames: 20_000 })).toMatch(/^connection-lost: ./);
  });
}

test("a frame larger than any that was asked for ends the connection", async () => {
  expect(await lossAfter({ binary: "MSG a 1 44000000\r\n", fill: 44_000_000 })).toMatch(
    /^connection-lost: ./,
  );
});

test("a message larger than any that was asked for ends the connection, in however many frames it comes", async () => {
  expect(await lossAfter({ binary: "MSG a 1 60000000\r\n", fill: 5_000_000 })).toMatch(/^connection-lost: ./);
});

for (const [name, bytes] of Object.entries({
  "no command": "SECRET secret\r\n",
  "a message without a size": "MSG secret\r\n",
  "an INFO that is no JSON": "INFO {secret\r\n",
  "a header longer than its message": "HMSG secret 1 20 10\r\n",
})) {
  test(`after the handshake, ${name} ends the connection, and nothing of it is printed or told`, async () => {
    const loss = await lossAfter({ binary: bytes });
    expect(loss).toMatch(/^connection-lost: .*cannot be read/);
    expect(loss.toLowerCase()).not.toContain("secret");
  });
}

test("after the handshake, a line without an end ends the connection", async () => {
  expect(await lossAfter({ binary: "MSG ", fill: 100_000 }, { binary: "x" })).toMatch(/^connection-lost: ./);
});

test("a Close frame ends the connection at once, also of a peer that keeps the TCP connection", async () => {
  const started = performance.now();
  expect(await lossAfter({ end: "stay" })).toMatch(/^connection-lost: ./);
  // The ws package waits for the TCP connection's end for 30 s, unless it is told otherwise.
  expect(performance.now() - started).toBeLessThan(15_000);
  const peer = await labFramePeer({ binary: INFO }, { await: "frame" }, { end: "stay" });
  expect(await failureOf(peer.wsUrl)).toMatch(/^connect-failed/);
});

test.each([301, 307])("an upgrade that is redirected (%d) goes nowhere else", async (status) => {
  const elsewhere = await labFramePeer(...GREETING);
  const there = `http://127.0.0.1:${elsewhere.port}/`;
  const { wsUrl } = await labStatusPeer(status, { Location: there });
  expect(await failureOf(wsUrl)).toMatch(new RegExp(`^connect-failed: .*${status}`));
  expect(await elsewhere.accepted()).toBe(0);
});

test("several servers are tried in the order given, each with a share of the time", async () => {
  const [refused, silent, wrong, first, second] = await Promise.all([
    labRefusedPort(),
    labMutePeer(),
    labFramePeer({ binary: "HELLO\r\n" }),
    labServer(),
    labServer(),
  ]);
  const urls = [refused.wsUrl, silent.wsUrl, wrong.wsUrl, first.wsUrl, second.wsUrl];
  const { made, tookMs } = await attempt(urls, 5_000);
  expect(made.kind).toBe("connected");
  expect(tookMs).toBeLessThan(4_000);
  expect([await first.connections("peer"), await second.connections("peer")]).toEqual([1, 0]);
});

test("an address is read as a URL is: in capitals, without slashes, in blanks", async () => {
  const { ports } = await labServer();
  for (const address of [
    `WS://LOCALHOST:${ports.ws}`,
    `ws:127.0.0.1:${ports.ws}`,
    ` ws://127.1:${ports.ws}\n`,
  ])
    expect((await attempt(address)).made.kind).toBe("connected");
});

test("credentials that one server refuses are tried at the next", async () => {
  const refusing = await labScripted({ connect: [{ errLine: "Authorization Violation" }, { close: true }] });
  const taking = await labServer();
  expect((await attempt([refusing.wsUrl, taking.wsUrl])).made.kind).toBe("connected");
  expect(await failureOf(refusing.wsUrl)).toMatch(/^unauthorized/);
});

test("a server that requires TLS gets no credentials over ws://, also where that is allowed", async () => {
  const server = await labScripted({ serverInfo: { tls_required: true } });
  // An address that is this machine's, by a name that does not say so.
  const elsewhere = `ws://0.0.0.0:${server.port}`;
  expect(await failureOf(elsewhere)).toMatch(/^invalid-options: .*would not be encrypted/);
  expect(await failureOf(elsewhere, true)).toMatch(/^invalid-options: .*requires TLS/);
  expect(await server.connects()).toEqual([]);
});
