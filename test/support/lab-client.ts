// The laboratory as a test sees it, in whichever runtime the test runs: it needs fetch and nothing else.
import { inject, onTestFinished } from "vitest";
import type { LabServerOptions, ProxyExhibit, ServerExhibit } from "./lab.ts";

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

/** Starts a server, for this test alone. */
export async function labServer(options: LabServerOptions = {}): Promise<LabServer> {
  const server = await openServer(options);
  onTestFinished(() => closeExhibit(server));
  return server;
}

/** Starts a server for whoever closes it, as a file's `beforeAll` does for its `afterAll`. */
export async function openServer(options: LabServerOptions = {}): Promise<LabServer> {
  return remote<LabServer>(await call("lab", "server", [options]));
}

/** Starts a proxy in front of a server, for this test alone. */
export async function labProxy(server: LabServer): Promise<LabProxy> {
  const scheme = server.wsUrl.startsWith("wss:") ? "wss" : "ws";
  const proxy = remote<LabProxy>(await call("lab", "proxy", [server.ports.ws, scheme]));
  onTestFinished(() => closeExhibit(proxy));
  return proxy;
}

/** Stops a server or a proxy. */
export async function closeExhibit(exhibit: { readonly id: string }): Promise<void> {
  await call("lab", "stop", [exhibit.id]);
}

async function call(id: string, method: string, args: readonly unknown[]): Promise<unknown> {
  const response = await fetch(inject("labUrl"), { method: "POST", body: JSON.stringify({ id, method, args }) });
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
