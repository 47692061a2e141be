// A server that refuses every WebSocket, and writes down when each came: so a test sees how often its platform tries.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Refusing {
  readonly url: string;
  /** When each upgrade came, in milliseconds of the system's clock. */
  readonly at: readonly number[];
}

/** Answers each upgrade with `status`, for this test alone. */
export async function refusing(status: number): Promise<Refusing> {
  const at: number[] = [];
  const server = createServer().on("upgrade", (_request, socket) => {
    at.push(Date.now());
    socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return { url: `ws://127.0.0.1:${port}`, at };
}

/** Between the first two upgrades, in milliseconds. */
export const gap = ([first = 0, second = 0]: readonly number[]): number => second - first;
