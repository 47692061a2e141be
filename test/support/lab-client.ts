// The laboratory as a test sees it, in whichever runtime the test runs: it needs fetch and nothing else.
import { inject, onTestFinished } from "vitest";
import type {
  ClusterExhibit,
  JwtExhibit,
  PeerExhibit,
  ProxyExhibit,
  ScriptedExhibit,
  ServerExhibit,
} from "./exhibits.ts";
import type { LabServerOptions } from "./lab.ts";
import type { PeerStep } from "./peers.ts";
import type { Script } from "./scripted/script.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the laboratory listens. */
    labUrl: string;
  }
}

/** The methods of an exhibit, called over HTTP. */
type Remote<Methods> = {
  readonly [Name in keyof Methods]: Methods[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

/** A real nats-server. `drain` and `admin` are its users; see nats.ts. */
export type LabServer = Remote<ServerExhibit["methods"]> & {
  readonly id: string;
  readonly wsUrl: string;
  readonly version: string;
  readonly ports: { readonly nats: number; readonly ws: number };
};

/** A real TCP proxy in front of a server; see proxy.ts. */
export type LabProxy = Remote<ProxyExhibit["methods"]> & { readonly id: string; readonly url: string };

/** A peer that is no nats-server; see peers.ts. */
export type LabPeer = Remote<PeerExhibit["methods"]> & {
  readonly id: string;
  readonly port: number;
  readonly wsUrl: string;
};

/** A NATS server that follows a script; see scripted.ts. */
export type LabScripted = Remote<ScriptedExhibit["methods"]> & {
  readonly id: string;
  readonly port: number;
  readonly wsUrl: string;
};

/** A real cluster of three; see cluster.ts. */
export type LabCluster = Remote<ClusterExhibit["methods"]> & {
  readonly id: string;
  /** By the nodes' indices. */
  readonly wsUrls: readonly string[];
  readonly version: string;
};

/** A real nats-server in operator mode, and `.creds` texts that it accepts (`good`, `admin`) or refuses; see jwt.ts. */
export type LabJwtServer = LabServer &
  Remote<Pick<JwtExhibit["methods"], "shortLived">> & { readonly creds: JwtExhibit["facts"]["creds"] };

/** A real nats-server whose drain user has an nkey: its seed, and one of nobody. */
export type LabNkeyServer = LabServer & { readonly seed: string; readonly wrongSeed: string };

/** Starts a server, for this test alone. */
export async function labServer(options: LabServerOptions = {}): Promise<LabServer> {
  return await forThisTest<LabServer>("server", options);
}

/** Starts a server for whoever closes it, as a file's `beforeAll` does for its `afterAll`. */
export async function openServer(options: LabServerOptions = {}): Promise<LabServer> {
  return await open<LabServer>("server", options);
}

/** Starts a proxy in front of a server, for this test alone. */
export async function labProxy(server: LabServer): Promise<LabProxy> {
  const scheme = server.wsUrl.startsWith("wss:") ? "wss" : "ws";
  return await forThisTest<LabProxy>("proxy", server.ports.ws, scheme);
}

/** A port that accepts connections and never says a word. */
export async function labSilentPeer(): Promise<LabPeer> {
  return await forThisTest<LabPeer>("silentPeer");
}

/** A WebSocket server that does these steps, whatever the client says. */
export async function labFramePeer(...steps: readonly PeerStep[]): Promise<LabPeer> {
  return await forThisTest<LabPeer>("framePeer", steps);
}

/** A port that accepts connections and ends them at once. */
export async function labHangUpPeer(how: "close" | "reset"): Promise<LabPeer> {
  return await forThisTest<LabPeer>("hangUpPeer", how);
}

/** A WebSocket server that accepts the upgrade and never says a word: no INFO. */
export async function labMutePeer(): Promise<LabPeer> {
  return await forThisTest<LabPeer>("mutePeer");
}

/** An HTTP server that answers every request, an upgrade too, with this status. */
export async function labStatusPeer(status: number, headers: Record<string, string> = {}): Promise<LabPeer> {
  return await forThisTest<LabPeer>("statusPeer", status, headers);
}

/** A port that refuses every connection while the test runs. */
export async function labRefusedPort(): Promise<{ readonly port: number; readonly wsUrl: string }> {
  return await forThisTest<{ id: string; port: number; wsUrl: string }>("refusedPort");
}

/** A NATS server that follows a script; see scripted.ts. */
export async function labScripted(script: Script = {}): Promise<LabScripted> {
  return await forThisTest<LabScripted>("scripted", script);
}

/** Starts a cluster, for this test alone. */
export async function labCluster(): Promise<LabCluster> {
  return await forThisTest<LabCluster>("cluster");
}

/** Starts a server in operator mode, for this test alone. */
export async function labJwtServer(): Promise<LabJwtServer> {
  return await forThisTest<LabJwtServer>("jwtServer");
}

/** Starts a server whose drain user has an nkey, for this test alone. */
export async function labNkeyServer(): Promise<LabNkeyServer> {
  return await forThisTest<LabNkeyServer>("nkeyServer");
}

async function open<T extends { readonly id: string }>(method: string, ...args: unknown[]): Promise<T> {
  return remote<T>(await call("lab", method, args));
}

async function forThisTest<T extends { readonly id: string }>(
  method: string,
  ...args: unknown[]
): Promise<T> {
  const exhibit = await open<T>(method, ...args);
  onTestFinished(() => closeExhibit(exhibit));
  return exhibit;
}

/** Stops whatever the laboratory started. */
export async function closeExhibit(exhibit: { readonly id: string }): Promise<void> {
  await call("lab", "stop", [exhibit.id]);
}

async function call(id: string, method: string, args: readonly unknown[]): Promise<unknown> {
  const response = await fetch(inject("labUrl"), {
    method: "POST",
    body: JSON.stringify({ id, method, args }),
  });
  const answer = (await response.json()) as { value?: unknown; error?: string }; // lab.ts wrote it
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.value;
}

/** An object whose unknown members are methods called in the laboratory. */
function remote<T extends { readonly id: string }>(facts: unknown): T {
  const known = facts as Record<string, unknown> & { id: string }; // lab.ts shows every exhibit with its id
  const handler: ProxyHandler<typeof known> = {
    get(target, name) {
      // An await looks for `then`, and a remote object is no promise.
      if (typeof name !== "string" || name === "then" || name in target) return Reflect.get(target, name);
      return (...args: unknown[]) => call(target.id, name, args);
    },
  };
  return new Proxy(known, handler) as unknown as T; // T's methods are those of lab.ts, by its types
}
