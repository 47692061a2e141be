// The laboratory: real servers and proxies in this process, worked by tests over HTTP, so that a suite inside workerd can
// start, freeze and kill them as one in Node does. Runs in vitest's main process, for as long as the tests do.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { credsAuthenticator } from "@nats-io/nats-core";
import type { Certificates } from "./certificates.ts";
import { startCluster } from "./cluster.ts";
import {
  clusterExhibit,
  type Exhibit,
  jwtExhibit,
  peerExhibit,
  proxyExhibit,
  scriptedExhibit,
  serverExhibit,
} from "./exhibits.ts";
import { jwtWorld, makeNkeyWorld } from "./jwt.ts";
import { startTestServer, type TestServerOptions } from "./nats.ts";
import {
  holdRefusedPort,
  type PeerStep,
  startFramePeer,
  startHangUpPeer,
  startMutePeer,
  startSilentPeer,
  startStatusPeer,
} from "./peers.ts";
import { startProxy } from "./proxy.ts";
import type { Script } from "./scripted/script.ts";
import { startScriptedServer } from "./scripted.ts";
import { ServerPool } from "./server-pool.ts";

/** Server options that can travel as JSON. */
export interface LabServerOptions
  extends Pick<
    TestServerOptions,
    "authorization" | "config" | "domain" | "jetstream" | "adminLogin" | "name"
  > {
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
  const servers = new ServerPool();
  let made = 0;
  const show = (exhibit: Exhibit): Record<string, unknown> => {
    made += 1;
    const id = `x${made}`;
    exhibits.set(id, exhibit);
    return { id, ...exhibit.facts };
  };
  const lab = {
    server: async ({ certificate, ...options }: LabServerOptions) => {
      if (certificate === undefined && Object.keys(options).length === 0) return show(await servers.lend());
      const tls = certificate && certificates[certificate];
      return show(serverExhibit(await startTestServer(tls ? { ...options, tls } : options)));
    },
    proxy: async (port: number, scheme: "ws" | "wss") =>
      show(proxyExhibit(await startProxy({ target: { host: "127.0.0.1", port } }), scheme)),
    silentPeer: async () => show(peerExhibit(await startSilentPeer())),
    framePeer: async (steps: readonly PeerStep[]) => show(peerExhibit(await startFramePeer(steps))),
    hangUpPeer: async (how: "close" | "reset") => show(peerExhibit(await startHangUpPeer(how))),
    mutePeer: async () => show(peerExhibit(await startMutePeer())),
    statusPeer: async (status: number, headers?: Readonly<Record<string, string>>) =>
      show(peerExhibit(await startStatusPeer(status, headers))),
    refusedPort: async () => {
      const { port, wsUrl, stop } = await holdRefusedPort();
      return show({ facts: { port, wsUrl }, methods: {}, stop });
    },
    scripted: async (script?: Script) => show(scriptedExhibit(await startScriptedServer(script))),
    cluster: async () => show(clusterExhibit(await startCluster())),
    jwtServer: async () => {
      const world = await jwtWorld();
      const { authorization, admin } = world;
      const adminLogin = { authenticator: credsAuthenticator(new TextEncoder().encode(admin)) };
      return show(jwtExhibit(await startTestServer({ authorization, adminLogin }), world));
    },
    nkeyServer: async () => {
      const { authorization, seed, wrongSeed } = makeNkeyWorld();
      const exhibit = serverExhibit(await startTestServer({ authorization }));
      return show({ ...exhibit, facts: { ...exhibit.facts, seed, wrongSeed } });
    },
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
  // A fetch that keeps its connection must not find it closed at the moment that it uses it again, as Bun's did.
  listener.keepAliveTimeout = 0;
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo; // a listening TCP server has no other kind of address
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: async () => {
      listener.closeAllConnections();
      listener.close();
      await Promise.all(Array.from(exhibits.values(), (exhibit) => exhibit.stop()));
      await servers.stop();
    },
  };
}
