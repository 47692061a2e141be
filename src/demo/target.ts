// The demo's target: a small HTTP server that takes CloudEvents in binary mode and counts them.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Target extends AsyncDisposable {
  /** Where events are posted. A GET answers the counts. */
  readonly url: string;
  /** How many different events came, by their `ce-id`: a redelivery does not count again. */
  received(): number;
  /** The same, by `ce-type`. */
  receivedByType(): ReadonlyMap<string, number>;
}

/**
 * Starts the target on a free port of 127.0.0.1.
 *
 * @param onEvent called for each event that had not come before
 */
export async function startTarget(onEvent: () => void): Promise<Target> {
  const ids = new Set<string>();
  const types = new Map<string, number>();

  const receive = (request: IncomingMessage, response: ServerResponse): void => {
    const { "ce-id": id, "ce-type": type, "ce-specversion": specVersion } = request.headers;
    if (typeof id !== "string" || typeof type !== "string" || specVersion !== "1.0") {
      response.writeHead(400).end("This is not a CloudEvent 1.0 in binary mode.\n");
      return;
    }
    if (!ids.has(id)) {
      ids.add(id);
      types.set(type, (types.get(type) ?? 0) + 1);
      onEvent();
    }
    response.writeHead(204).end();
  };

  const server = createServer((request, response) => {
    // The answer waits for the whole event: one that breaks off is not received.
    request.resume().once("end", () => {
      if (request.method === "POST") receive(request, response);
      else response.setHeader("Content-Type", "application/json").end(JSON.stringify({ received: ids.size }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // A listening TCP server has no other kind of address.

  return {
    url: `http://127.0.0.1:${port}/`,
    received: () => ids.size,
    receivedByType: () => types,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
