// A Worker that calls itself over HTTP: its own POST /drain, through a service binding, with its own token.
import type { Report } from "../index.ts";
import type { Self } from "./fan-out.ts";
import { ALONE_HEADER } from "./limit.ts";

/** A service binding, as far as it is used here. */
export interface SelfBinding {
  /** As the runtime's own `fetch`; the host is not looked at. */
  fetch(input: string, init?: RequestInit): Promise<Response>;
}

/** The Worker's own route. */
export interface HttpSelfOptions {
  /** The bearer token that its `drainHandler` or `drainRoutes` asks for. */
  readonly token: string;
  /** Path of the route that drains. @default "/drain" */
  readonly path?: string | undefined;
}

/**
 * For `fanOut`'s `self`, where the Worker drains at `POST /drain` and has no entry point for RPC.
 *
 * @throws {Error} (from `drain`) the answer is no JSON
 * @example
 * fanOut<Env>({ max: 4, self: (env) => httpSelf(env.SELF, { token: env.DRAIN_TOKEN }) });
 */
export function httpSelf(binding: SelfBinding, { token, path = "/drain" }: HttpSelfOptions): Self {
  return {
    drain: async ({ limitMs }) => {
      const headers = {
        Authorization: `Bearer ${token}`,
        "Sluice-Limit-Ms": String(Math.floor(limitMs)),
        [ALONE_HEADER]: "true",
      };
      const response = await binding.fetch(new URL(path, "https://self.invalid").href, {
        method: "POST",
        headers,
      });
      const text = await response.text();
      try {
        return JSON.parse(text) as Report; // fanOut looks whether it is one
      } catch {
        throw new Error(`it answered ${response.status}`);
      }
    },
  };
}
