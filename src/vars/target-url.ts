// Where events are posted: TARGET_URL, or a service binding.
import { isLoopback } from "../connection/login.ts";
import { invalidVar, type Target, text, type Vars } from "./vars.ts";

/**
 * The target. A service binding needs no TARGET_URL, which is then only its path.
 *
 * @throws {TypeError} there is none, or its URL is malformed or would carry events unencrypted; the
 * URL is not quoted
 */
export function readTarget(
  vars: Vars,
  allowInsecure: boolean,
): { readonly targetUrl: string; readonly target: Target | undefined } {
  const { TARGET: target } = vars;
  const given = text(vars, "TARGET_URL");
  if (given === undefined) {
    if (target === undefined)
      throw invalidVar("TARGET_URL", "is not set, and there is no service binding TARGET");
    return { target, targetUrl: "https://target/" };
  }
  const url = URL.canParse(given) ? new URL(given) : undefined;
  // The value may hold a password, so the message does not.
  if (url?.protocol !== "https:" && url?.protocol !== "http:")
    throw invalidVar("TARGET_URL", "must be a URL such as https://example.com/events");
  if (url.username || url.password)
    throw invalidVar("TARGET_URL", "must not hold a user or password: fetch refuses them");
  // What goes through a binding crosses no network.
  if (url.protocol === "http:" && target === undefined && !allowInsecure && !isLoopback(url.hostname))
    throw invalidVar(
      "TARGET_URL",
      "must be https://, or events cross the network unencrypted (ALLOW_INSECURE=true)",
    );
  return { target, targetUrl: given };
}

/** The target's origin, where events leave this machine unencrypted, as ALLOW_INSECURE allows. */
export function insecureTarget({ targetUrl, target }: ReturnType<typeof readTarget>): string | undefined {
  const { protocol, hostname, origin } = new URL(targetUrl);
  return protocol === "http:" && target === undefined && !isLoopback(hostname) ? origin : undefined;
}

/** A URL for people: origin and path. Its query may be a secret. */
export function showUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
