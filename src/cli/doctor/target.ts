// The target, asked without an event: whether anything answers there.
import { quote } from "../../report/preflight-rule.ts";
import type { Finding } from "../../report/report.ts";
import { showUrl } from "../../vars/target-url.ts";

const TARGET_MS = 5_000;

/** A finding where nothing answers, or only with a server's error. The URL was checked. */
export async function tryTarget(targetUrl: string | undefined): Promise<Finding | undefined> {
  if (targetUrl === undefined) return undefined;
  // A query may hold a secret.
  const named = `The target ${showUrl(targetUrl)}`;
  try {
    const signal = AbortSignal.timeout(TARGET_MS);
    const { status } = await fetch(targetUrl, { method: "HEAD", redirect: "manual", signal });
    const answer = `${named} answers ${status}, asked without an event`;
    if (status >= 300 && status < 400)
      return {
        code: "target-redirects",
        message: `${answer}. A redirect is not followed: each message is retried. Post to where it leads.`,
        mend: `curl -sSI ${quote(showUrl(targetUrl))}`,
      };
    if (status === 401 || status === 403)
      return {
        code: "target-refuses",
        message:
          `${answer}. An event that it answers so is rejected: a dead letter, or gone from a work queue. ` +
          "The Worker sends no credentials but those in the URL's query.",
        mend: `curl -sSI ${quote(showUrl(targetUrl))}`,
      };
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
