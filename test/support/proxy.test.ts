// The proxy must misbehave exactly as asked: the tests of lost connections rest on it.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startProxy, type TestProxy } from "./proxy.ts";

describe("a connection through the proxy", () => {
  const atServer: Socket[] = [];
  const echo = createServer({ noDelay: true }, (socket) => {
    atServer.push(socket);
    socket.on("error", () => {}).pipe(socket);
  });
  let proxy: TestProxy;

  beforeEach(async () => {
    echo.listen(0, "127.0.0.1");
    await once(echo, "listening");
    const { port } = echo.address() as AddressInfo; // A listening TCP server has no other kind of address.
    proxy = await startProxy({ target: { host: "127.0.0.1", port } });
  });

  afterEach(async () => {
    await proxy.stop();
    const closed = once(echo, "close");
    echo.close();
    await closed;
    atServer.length = 0;
  });

  it("carries bytes both ways and counts them", async () => {
    const client = await open(proxy.port);
    expect(await roundTrip(client, "hello")).toBe("hello");
    expect(proxy).toMatchObject({ bytesUp: 5, bytesDown: 5, connections: 1, accepted: 1 });
  });

  it("passes on that the client is done, and still brings the answer", async () => {
    const client = await open(proxy.port);
    const ended = once(client, "end");
    client.end("last words");
    expect(await text(client, 10)).toBe("last words");
    await ended;
  });

  it("is late by the latency once each way, however many chunks are in flight, and in order", async () => {
    const client = await open(proxy.port);
    const direct = await timed(() => roundTrip(client, "warm"));
    proxy.latencyMs = 50;
    const sent = Array.from({ length: 40 }, (_, index) => String(index).padStart(4, "0"));
    const slow = await timed(async () => {
      // One write a turn of the event loop, so that the proxy sees many chunks.
      for (const part of sent)
        await new Promise<void>((done) => client.write(part, () => setImmediate(done)));
      expect(await text(client, sent.length * 4)).toBe(sent.join(""));
    });
    expect(slow - direct).toBeGreaterThanOrEqual(95);
    expect(slow).toBeLessThan(50 * sent.length); // Delayed one after the other, it would be twice that.
  });

  it.each(["end", "reset", "silence"] as const)(
    "breaks after exactly so many bytes of one direction: %s",
    async (how) => {
      proxy.breakAt({ direction: "down", bytes: 3, how });
      const client = await open(proxy.port);
      client.on("error", () => {});
      // once() of node:events would reject with the reset that is meant here.
      const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
      const ended = how === "silence" ? proxy.onceBytesDown(5) : closed;
      client.end("hello");
      // A reset may overtake what was sent before it.
      if (how !== "reset") expect(await text(client, 3)).toBe("hel");
      await ended;
      expect(client.readableEnded).toBe(how === "end");
    },
  );

  it("is reset on both sides by a cut, and the next one works", async () => {
    const client = await open(proxy.port);
    await roundTrip(client, "a");
    const ends = [once(client, "error"), once(atServer[0] ?? client, "error")];
    proxy.cut();
    for (const [error] of await Promise.all(ends)) expect(error).toMatchObject({ code: "ECONNRESET" });
    expect(await roundTrip(await open(proxy.port), "b")).toBe("b");
  });

  it("loses what goes into a black hole, and delivers nothing after the gap, as TCP would not; a new connection works", async () => {
    const client = await open(proxy.port);
    await roundTrip(client, "a");
    proxy.blackhole("up");
    const swallowed = proxy.onceBytesUp(4);
    client.write("lost");
    await swallowed;
    proxy.restore();
    client.write("late");
    // By the next connection's answer the proxy has seen what was written before it.
    expect(await roundTrip(await open(proxy.port), "found")).toBe("found");
    expect(atServer[0]?.bytesRead).toBe("a".length);
  });

  it("can lose only what the server sends", async () => {
    const client = await open(proxy.port);
    await roundTrip(client, "a");
    proxy.blackhole("down");
    const answered = proxy.onceBytesDown((chunk) => chunk.includes("lost"));
    client.write("lost");
    await answered;
    proxy.restore();
    expect(await roundTrip(await open(proxy.port), "found")).toBe("found");
    expect(client.bytesRead).toBe("a".length);
  });

  it("stays silent for ever once it is half-open, even when the server closes, and the next one works", async () => {
    const client = await open(proxy.port);
    await roundTrip(client, "a");
    proxy.halfOpen();
    const swallowed = proxy.onceBytesUp(4);
    client.write("lost");
    await swallowed;
    atServer[0]?.destroy();
    expect(await roundTrip(await open(proxy.port), "b")).toBe("b");
    expect(client).toMatchObject({ closed: false, readableEnded: false, bytesRead: 1 });
    client.destroy();
  });

  it("is reset at once while new ones are refused", async () => {
    proxy.refuseNew();
    const refused = connect(proxy.port, "127.0.0.1");
    expect(await once(refused, "error")).toMatchObject([{ code: "ECONNRESET" }]);
    proxy.restore();
    expect(await roundTrip(await open(proxy.port), "b")).toBe("b");
    expect(proxy.accepted).toBe(1);
  });
});

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  socket.on("error", () => {}); // Many tests end with a reset.
  return socket;
}

async function roundTrip(socket: Socket, message: string): Promise<string> {
  socket.write(message);
  return await text(socket, message.length);
}

/** Reads that many bytes, and leaves the socket open for more. */
async function text(socket: Socket, length: number): Promise<string> {
  let received = "";
  const { promise, resolve } = Promise.withResolvers<void>();
  const onData = (chunk: Buffer): void => {
    received += chunk.toString();
    if (received.length >= length) resolve();
  };
  socket.on("data", onData);
  await promise;
  socket.off("data", onData);
  return received;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
