// What a stream keeps. Of a drain's own, whether a message stays when it is termed: where messages are
// kept by limits it does; by work queue or by interest it goes. Of that of the dead letters, whether
// it keeps any: one that keeps by interest what no consumer asks for, or whose limits are smaller
// than one, confirms all and has none.
import type { Connection } from "../connection/connection.ts";
import { apiPrefix, requestJetStream } from "../connection/jetstream.ts";
import { type Deadline, now } from "../deadline.ts";
import type { PublishedIn, Publisher } from "./publish.ts";

interface StreamName {
  readonly stream: string;
  readonly domain?: string | undefined;
}

/** The part of the server's answer that is read: anything, until it is looked at. */
interface StreamInfo {
  readonly config?: { readonly retention?: unknown };
  readonly state?: { readonly first_seq?: unknown; readonly consumer_count?: unknown };
}

/** Whether a stream keeps what it has confirmed, as far as that is known by then. Never rejects. */
export type IsKept = (ack: PublishedIn, by: Deadline) => Promise<boolean>;

const ASK_MS = 1_000;

/** Undefined where the user may not ask, which the server's log then tells. Never rejects. */
async function askStream(
  connection: Connection | Promise<Connection>,
  { stream, domain }: StreamName,
  by: Deadline = Number.POSITIVE_INFINITY,
): Promise<StreamInfo | undefined> {
  try {
    const { nats } = await connection;
    const subject = `${apiPrefix(domain)}.STREAM.INFO.${stream}`;
    const timeoutMs = Math.min(ASK_MS, by - now());
    return await requestJetStream<StreamInfo>(nats, subject, "", { timeoutMs });
  } catch {
    return undefined;
  }
}

/**
 * A question that is asked of the server once, when it first matters: to whether a termed message
 * stays. False also where that is not known. Never rejects.
 */
export function asksRetention(connection: Connection, name: StreamName): () => Promise<boolean> {
  let asked: Promise<boolean> | undefined;
  const ask = async (): Promise<boolean> =>
    (await askStream(connection, name))?.config?.retention === "limits";
  return () => (asked ??= ask());
}

/**
 * Whether a stream keeps what it has confirmed; true also where that is not known. Asked of the
 * server behind the first dead letter, and again only while it keeps none. Never rejects.
 */
export function asksIfKept(publisher: Publisher): IsKept {
  let asked: Promise<boolean> | undefined;
  const ask: IsKept = async (ack, by) => {
    const info = await askStream(publisher.connection(), ack, by);
    const isKept = keeps(info ?? {}, ack.sequence);
    if (!isKept) asked = undefined;
    return isKept;
  };
  return (ack, by) => (asked ??= ask(ack, by));
}

function keeps({ config, state }: StreamInfo, sequence: number): boolean {
  const { first_seq: first, consumer_count: consumers } = { ...state };
  if (typeof first !== "number" || typeof consumers !== "number") return true;
  // Its consumer may have taken it already.
  if (config?.retention !== "limits" && consumers > 0) return true;
  return config?.retention !== "interest" && first <= sequence;
}
