// The laboratory: real servers and proxies in this process, worked by tests over HTTP, so that a suite inside workerd can
// start, freeze and kill them as one in Node does. Runs in vitest's main process, for as long as the tests do.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { jetstreamManager } from "@nats-io/jetstream";
import type { Certificates } from "./certificates.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "./nats.ts";
import { startProxy, type TestProxy } from "./proxy.ts";

/** One thing in the laboratory: plain facts for the test, and methods that it calls by name. */
interface Exhibit {
  readonly facts: Readonly<Record<string, unknown>>;
  // Arguments and results are JSON; the client's types (lab-client.ts) are the contract of what is passed.
  readonly methods: Readonly<Record<string, (...args: never[]) => unknown>>;
  readonly stop: () => Promise<void>;
}

/** What a test may ask of a server, beside what {@link TestServer} can. */
export type ServerExhibit = ReturnType<typeof serverExhibit>;
export type ProxyExhibit = ReturnType<typeof proxyExhibit>;

/** Server options that can travel as JSON. */
export interface LabServerOptions
  extends Pick<TestServerOptions, "authorization" | "config" | "jetstream" | "adminLogin" | "name"> {
  /** Which certificate the WebSocket listener shows. @default none: plain WebSocket */
  readonly certificate?: Exclude<keyof Certificates, "ca">;
}

export interface RunningLab {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the laboratory on a free port of 127.0.0.1. */
export async function startLab(certificates: Certificates): Promise<RunningLab> {
  const exhibits = new Map<string, Exhibit>();
  let made = 0;
  const show = (exhibit: Exhibit): Record<string, unknown> => {
    made += 1;
    const id = `x${made}`;
    exhibits.set(id, exhibit);
    return { id, ...exhibit.facts };
  };
  const lab = {
    server: async ({ certificate, ...options }: LabServerOptions) =>
      show(
        serverExhibit(await startTestServer(certificate ? { ...options, tls: certificates[certificate] } : options)),
      ),
    proxy: async (port: number, scheme: "ws" | "wss") =>
      show(proxyExhibit(await startProxy({ target: { host: "127.0.0.1", port } }), scheme)),
    stop: async (id: string) => {
      const exhibit = exhibits.get(id);
      exhibits.delete(id);
      await exhibit?.stop();
    },
  };

  const call = async (id: string, method: string, args: never[]): Promise<unknown> => {
    const methods: Exhibit["methods"] | undefined = id === "lab" ? lab : exhibits.get(id)?.methods;
    const found = methods?.[method];
    if (!found) throw new Error(`the laboratory has no ${id}.${method}`);
    // JSON has no undefined: an argument left out arrives as null.
    return await found(...args.map((arg) => arg ?? (undefined as never)));
  };
  const listener = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const { id, method, args } = JSON.parse(body) as { id: string; method: string; args: never[] }; // lab-client.ts wrote it
    const answer = await call(id, method, args).then(
      (value) => ({ value }),
      (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
    );
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(answer));
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo; // a listening TCP server has no other kind of address
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: async () => {
      listener.closeAllConnections();
      listener.close();
      await Promise.all(Array.from(exhibits.values(), (exhibit) => exhibit.stop()));
    },
  };
}

function serverExhibit(server: TestServer) {
  const manager = async () => await jetstreamManager(await server.admin());
  return {
    facts: { wsUrl: server.wsUrl, version: server.version, ports: server.ports, pid: server.pid },
    methods: {
      signal: (name: NodeJS.Signals) => server.signal(name),
      output: () => server.output(),
      createStream: async (name: string, config?: Parameters<TestServer["createStream"]>[1]) =>
        void (await server.createStream(name, config)),
      createConsumer: async (stream: string, durable: string, config?: Parameters<TestServer["createConsumer"]>[2]) =>
        void (await server.createConsumer(stream, durable, config)),
      publish: (subject: string, count: number, bodies?: number | readonly string[]) =>
        server.publish(subject, count, bodies),
      consumerState: (stream: string, consumer: string) => server.consumerState(stream, consumer),
      consumerConfig: async (stream: string, consumer: string) =>
        (await (await manager()).consumers.info(stream, consumer)).config,
      streamState: async (stream: string) => (await (await manager()).streams.info(stream)).state,
      consumerCount: async (stream: string) => (await (await manager()).streams.info(stream)).state.consumer_count,
      deleteConsumer: async (stream: string, consumer: string) => (await manager()).consumers.delete(stream, consumer),
      deleteStream: async (stream: string) => (await manager()).streams.delete(stream),
    },
    stop: () => server.stop(),
  };
}

function proxyExhibit(proxy: TestProxy, scheme: "ws" | "wss") {
  return {
    // Certificates are for localhost and 127.0.0.1 alike.
    facts: { url: `${scheme}://127.0.0.1:${proxy.port}`, port: proxy.port },
    methods: {
      latency: (ms: number) => {
        proxy.latencyMs = ms;
      },
      cut: () => proxy.cut(),
      halfOpen: () => proxy.halfOpen(),
      blackhole: (direction: "up" | "down" | "both") => proxy.blackhole(direction),
      refuseNew: () => proxy.refuseNew(),
      restore: () => proxy.restore(),
      onceBytesUp: (bytes: number) => proxy.onceBytesUp(bytes),
      onceBytesDown: (bytes: number) => proxy.onceBytesDown(bytes),
      counts: () => ({ up: proxy.bytesUp, down: proxy.bytesDown, open: proxy.connections, accepted: proxy.accepted }),
    },
    stop: () => proxy.stop(),
  };
}
