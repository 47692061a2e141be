// Whether a message stays in its stream when it is termed: in a stream that keeps messages by its
// limits it does; by work queue or by interest it goes.
import type { Connection } from "../connection/connection.ts";
import { apiPrefix, requestJetStream } from "../connection/jetstream.ts";

interface StreamName {
  readonly stream: string;
  readonly domain?: string | undefined;
}

const ASK_MS = 1_000;

/**
 * A question that is asked of the server once, when it first matters: to whether a termed message
 * stays. False also where the user may not ask, which the server's log then tells. Never rejects.
 */
export function asksRetention(
  connection: Connection,
  { stream, domain }: StreamName,
): () => Promise<boolean> {
  let asked: Promise<boolean> | undefined;
  const ask = async (): Promise<boolean> => {
    try {
      const subject = `${apiPrefix(domain)}.STREAM.INFO.${stream}`;
      const options = { timeoutMs: ASK_MS };
      const { config } = await requestJetStream<{ config?: unknown }>(connection.nats, subject, "", options);
      const { retention }: { retention?: unknown } = { ...(config as object | undefined) };
      return retention === "limits";
    } catch {
      return false;
    }
  };
  return () => (asked ??= ask());
}
