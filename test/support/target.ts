// A target for the Worker's events: it keeps what it was sent, and answers as the test says.
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

interface SentEvent {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What to answer; a missing status is 204. */
interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestTarget extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/events` */
  readonly url: string;
  /** In the order they came. */
  readonly events: readonly SentEvent[];
  /** How events are answered from now on. */
  answer: (event: SentEvent) => Answer | Promise<Answer>;
}

export async function startTarget(): Promise<TestTarget> {
  const events: SentEvent[] = [];
  let url = "";
  const server = createServer(async (request, response) => {
    const { method = "", url: path = "", headers } = request;
    const event = { method, path, headers, body: (await buffer(request)).toString("utf8") };
    events.push(event);
    const { status = 204, headers: sent = {} } = await target.answer(event);
    response.writeHead(status, sent).end();
  });
  const target: TestTarget = {
    get url() {
      return url;
    },
    events,
    answer: () => ({}),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a listening TCP server has no other kind of address
  url = `http://127.0.0.1:${port}/events`;
  return target;
}
