// Serves an app on this machine, for a browser.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

interface App {
  fetch(request: Request, env: object): Response | Promise<Response>;
}

/** Resolves with the origin and what ends it. */
export async function serve(app: App): Promise<{ readonly origin: string; close(): void }> {
  const server = createServer(async (incoming, outgoing) => {
    const { method = "GET", url = "/", headers } = incoming;
    const body = method === "GET" ? {} : { body: await buffer(incoming) };
    const given = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
    const request = new Request(`http://${headers.host}${url}`, { method, headers: given, ...body });
    const response = await app.fetch(request, {});
    outgoing.writeHead(response.status, [...response.headers].flat());
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
