/**
 * Upstash QStash calls the URL. Its signature is the authorization, and 489 tells it to give up.
 *
 * @module sluice/qstash
 */
import { type Authorize, refusal } from "./authorize.ts";
import { type Given, given } from "./limit.ts";
import { problem, type StatusTable } from "./status.ts";

/**
 * QStash retries what is not 2xx, after `Retry-After` where the answer has one; 489 with its header is final.
 */
export const QSTASH_STATUS: StatusTable = {
  completed: { status: 200 },
  retryable: { status: 503 },
  fatal: { status: 489, headers: { "Upstash-NonRetryable-Error": "true" } },
};

/** The signing keys, and how strictly a signature is read. */
export interface QStashOptions<Env> {
  /** QSTASH_CURRENT_SIGNING_KEY, or where the bindings have it. Without it every call is refused. */
  readonly currentKey: Given<Env, string>;
  /** QSTASH_NEXT_SIGNING_KEY, or where the bindings have it: what the current one is rotated to. */
  readonly nextKey?: Given<Env, string>;
  /** The URL that QStash was told to call, where a proxy changes it. @default the request's own */
  readonly url?: string | undefined;
  /** How far the clocks may differ, in milliseconds from 0. @default 5000 */
  readonly toleranceMs?: number | undefined;
}

/**
 * Lets a request pass that QStash signed for this URL and this body, with either key.
 *
 * @example
 * const authorize = qstash<Env>({ currentKey: (env) => env.QSTASH_CURRENT_SIGNING_KEY });
 * export const handler = drainHandler(orders, { authorize, status: QSTASH_STATUS });
 */
export function qstash<Env>(options: QStashOptions<Env>): Authorize<Env> {
  return async (request, env) => {
    const [current, next] = [options.currentKey, options.nextKey].map((key) => given(key, env)?.trim());
    if (!current) {
      const detail = "No signing key is configured, so every call is refused.";
      return problem({ status: 500, title: "Not configured", detail });
    }
    const token = request.headers.get("Upstash-Signature");
    if (token === null) return refusal("An Upstash-Signature is needed.");
    const claims = await verified(token, next ? [current, next] : [current]);
    if (claims === undefined) return refusal("The Upstash-Signature is of no key that is configured.");
    const nowMs = Date.now();
    const { toleranceMs = 5_000 } = options;
    if (claims.iss !== "Upstash") return refusal("The Upstash-Signature is not from Upstash.");
    // A claim that is no number compares as false, and so is refused.
    const isTimely = Number(claims.exp) * 1_000 > nowMs - toleranceMs;
    if (!(isTimely && Number(claims.nbf) * 1_000 <= nowMs + toleranceMs)) {
      return refusal("The Upstash-Signature is not valid at this time.");
    }
    if (!isSameUrl(String(claims.sub), options.url ?? request.url)) {
      return refusal("The Upstash-Signature is for another URL.");
    }
    const digest = await crypto.subtle.digest("SHA-256", await request.clone().arrayBuffer());
    const isOfBody = String(claims.body).replace(/=+$/, "") === toBase64Url(new Uint8Array(digest));
    return isOfBody || refusal("The Upstash-Signature is of another body.");
  };
}

/** QStash signs the URL as it was given it; a request has it as the standard writes it, "/" and all. */
function isSameUrl(signed: string, called: string): boolean {
  if (signed === called) return true;
  return [signed, called].every((url) => URL.canParse(url)) && new URL(signed).href === new URL(called).href;
}

/** The claims of a token that one of the keys signed with HS256. */
async function verified(
  token: string,
  keys: readonly string[],
): Promise<Record<string, unknown> | undefined> {
  const [header = "", payload = "", signature = "", ...rest] = token.split(".");
  if (rest.length > 0) return undefined;
  try {
    if (readJson(header).alg !== "HS256") return undefined;
    const signed = new TextEncoder().encode(`${header}.${payload}`);
    for (const key of keys) {
      const hmac = { name: "HMAC", hash: "SHA-256" };
      const raw = new TextEncoder().encode(key);
      const imported = await crypto.subtle.importKey("raw", raw, hmac, false, ["verify"]);
      const isSigned = await crypto.subtle.verify("HMAC", imported, fromBase64Url(signature), signed);
      if (isSigned) return readJson(payload);
    }
  } catch {
    // Not base64url, or not JSON: not a token.
  }
  return undefined;
}

function readJson(part: string): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder().decode(fromBase64Url(part)));
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
}

function toBase64Url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
