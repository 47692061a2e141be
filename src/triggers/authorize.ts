// Who may start a drain over HTTP: a verifier lets a request pass, or says how it is refused.
import { type Given, given } from "./limit.ts";
import { problem } from "./status.ts";

/** `true` lets the request pass, `false` refuses it with 401, and a response refuses it in its own words. */
export type Authorize<Env> = (request: Request, env: Env) => boolean | Response | Promise<boolean | Response>;

/** Where {@link bearer} finds the token. */
export interface BearerOptions {
  /**
   * Header that has `Bearer <token>`, where the platform takes `Authorization` itself (Supabase,
   * Google).
   * @default "Authorization"
   */
  readonly header?: string | undefined;
}

const BEARER = /^Bearer +([\w~+/.-]+=*)$/i;

/**
 * Lets a request pass that has the token, compared in constant time. Without a token, or with an
 * empty one, every request is refused. Vercel's cron sends its `CRON_SECRET` so, over GET.
 *
 * @example
 * drainHandler(orders, { authorize: bearer((env) => env.DRAIN_TOKEN), methods: ["GET"] });
 */
export function bearer<Env>(token: Given<Env, string>, options: BearerOptions = {}): Authorize<Env> {
  const header = options.header ?? "Authorization";
  return async (request, env) => {
    // A secret that was piped into its store has a line's end, which no header can have.
    const expected = given(token, env)?.trim();
    if (!expected) {
      const detail = "No bearer token is configured, so every call is refused.";
      return problem({ status: 500, title: "Not configured", detail });
    }
    const value = request.headers.get(header);
    if (value === null) return refusal(`A bearer token is needed: ${header}: Bearer <token>.`);
    const [, offered] = BEARER.exec(value) ?? [];
    if (offered === undefined) return refusal(`The ${header} header is not a bearer token.`);
    return (await sameText(offered, expected)) || refusal("The bearer token is not the right one.");
  };
}

/** 401 with its challenge, as RFC 6750 has it. */
export function refusal(detail: string): Response {
  const challenge = { "WWW-Authenticate": 'Bearer realm="sluice"' };
  return problem({ status: 401, title: "Unauthorized", detail }, challenge);
}

/**
 * Compares digests, all of them, so that the time taken tells neither where nor by how much the texts differ.
 */
async function sameText(a: string, b: string): Promise<boolean> {
  const digest = async (text: string): Promise<Uint8Array> =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const [left, right] = await Promise.all([digest(a), digest(b)]);
  return left.reduce((difference, byte, at) => difference | (byte ^ (right[at] ?? 0)), 0) === 0;
}
