// A Worker that consumes a real queue for each of QUEUE_CASES. `POST /<case>/ask` calls its queue handler and answers what workerd
// made of it; `send` and `sentinel` put the case's messages, or one that is not of it, into the queue; `GET /<case>` tells
// what came out of it.
import type { ExecutionContext, MessageBatch, Queue } from "@cloudflare/workers-types";
import { QUEUE_CASES } from "./queue-cases.ts";

/** A message that was delivered again, and how long after its first delivery. */
export interface Redelivery {
  readonly body: number;
  readonly afterMs: number;
}

/** What was seen of a queue. */
export interface QueueLog {
  /** When the case's own batch came. */
  handledAt?: number;
  sentinel: boolean;
  redelivered: Redelivery[];
}

/** What workerd tells a queue of its consumer. */
export interface QueueResult {
  readonly outcome: string;
  readonly ackAll: boolean;
  readonly explicitAcks: readonly string[];
  readonly retryBatch: { readonly retry: boolean; readonly delaySeconds?: number };
  readonly retryMessages: readonly { readonly msgId: string; readonly delaySeconds?: number }[];
}

type Env = Readonly<Record<string, Queue<number>>> & {
  /** This Worker, as its queues call it. */
  readonly SELF: { queue(name: string, messages: readonly object[]): Promise<QueueResult> };
};

const BODIES = [1, 2, 3];
const SENTINEL = 0;

const logs = new Map<string, QueueLog>();

function logOf(name: string): QueueLog {
  const log = logs.get(name) ?? { sentinel: false, redelivered: [] };
  logs.set(name, log);
  return log;
}

async function answer(name: string, action: string | undefined, env: Env): Promise<unknown> {
  switch (action) {
    case "ask":
      return await env.SELF.queue(
        name,
        BODIES.map((body) => ({ id: `${body}`, timestamp: new Date(), attempts: 1, body })),
      );
    case "send":
      logs.delete(name);
      return await env[name]?.sendBatch(BODIES.map((body) => ({ body })));
    case "sentinel":
      return await env[name]?.send(SENTINEL);
    default:
      return logOf(name);
  }
}

export default {
  fetch: async (request: Request, env: Env): Promise<Response> => {
    const [, name = "", action] = new URL(request.url).pathname.split("/");
    return Response.json(await answer(name, action, env));
  },

  queue: async (batch: MessageBatch<number>, env: Env, context: ExecutionContext): Promise<void> => {
    const log = logOf(batch.queue);
    const own = batch.messages.every(({ attempts, body }) => attempts === 1 && body !== SENTINEL);
    if (own) {
      log.handledAt = Date.now();
      return await QUEUE_CASES[batch.queue]?.consumer(batch, env, context);
    }
    for (const { body } of batch.messages) {
      if (body === SENTINEL) log.sentinel = true;
      else log.redelivered.push({ body, afterMs: Date.now() - (log.handledAt ?? 0) });
    }
  },
};
