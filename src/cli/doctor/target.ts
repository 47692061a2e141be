// The target, asked without an event: whether anything answers there.
import { isLoopback } from "../../connection/login.ts";
import type { Finding } from "../../report/report.ts";

const TARGET_MS = 5_000;

/** A finding where nothing answers, or only with a server's error, or where the Worker would not post. */
export async function tryTarget(
  targetUrl: string | undefined,
  mayBeInsecure: boolean,
): Promise<Finding | undefined> {
  if (targetUrl === undefined) return undefined;
  const url = URL.canParse(targetUrl) ? new URL(targetUrl) : undefined;
  const malformed = (what: string): Finding => ({ code: "target-url", message: `TARGET_URL ${what}.` });
  if (url?.protocol !== "https:" && url?.protocol !== "http:")
    return malformed("is not an http or https URL");
  if (url.username || url.password) return malformed("must not hold a user or password");
  if (url.protocol === "http:" && !mayBeInsecure && !isLoopback(url.hostname))
    return malformed("must be https://, or events cross the network unencrypted (ALLOW_INSECURE=true)");
  // A query may hold a secret.
  const { origin, pathname } = url;
  const named = `The target ${origin}${pathname}`;
  try {
    const signal = AbortSignal.timeout(TARGET_MS);
    const { status } = await fetch(targetUrl, { method: "HEAD", redirect: "manual", signal });
    if (status < 500 || status === 501) return undefined;
    return {
      code: "target-failing",
      message: `${named} answers ${status}: every message is retried, until its deliveries are used up.`,
    };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : "no answer";
    return {
      code: "target-unreachable",
      message:
        `${named} cannot be reached (${cause}): every message is retried, until its ` +
        "deliveries are used up.",
    };
  }
}
