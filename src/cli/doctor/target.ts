// The target, asked without an event: whether anything answers there.
import type { Finding } from "../../report/report.ts";

const TARGET_MS = 5_000;

/** A finding where nothing answers, or only with a server's error. */
export async function tryTarget(targetUrl: string | undefined): Promise<Finding | undefined> {
  if (targetUrl === undefined) return undefined;
  if (!URL.canParse(targetUrl)) return { code: "target-url", message: "TARGET_URL is not a URL." };
  // A query may hold a secret.
  const { origin, pathname } = new URL(targetUrl);
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
