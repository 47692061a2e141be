// The deployable Worker's app, and beside it the floor: the same POSTs in a bare loop of `fetch`, with nothing else.

import type { Vars } from "../../src/vars/vars.ts";
import { app } from "../../src/worker/app.ts";

/** What the floor's loop posts, and where. */
export interface FloorAsk {
  readonly url: string;
  readonly stream: string;
  readonly consumer: string;
  readonly subject: string;
  readonly messages: number;
  readonly bytes: number;
  readonly concurrency: number;
}

async function floor(ask: FloorAsk): Promise<number> {
  const { url, stream, consumer, subject, messages, concurrency } = ask;
  const body = new Uint8Array(ask.bytes).fill(120);
  let next = 1;
  let posted = 0;
  const loop = async (): Promise<void> => {
    while (next <= messages) {
      const sequence = String(next);
      next += 1;
      // What forward.ts sends for a message without headers of its own.
      const headers: [string, string][] = [
        ["Content-Type", "application/octet-stream"],
        ["Idempotency-Key", `${stream}:${sequence}`],
        ["ce-specversion", "1.0"],
        ["ce-id", `${stream}:${sequence}`],
        ["ce-source", `/nats/streams/${stream}`],
        ["ce-type", "io.nats.jetstream.message"],
        ["ce-natsstream", stream],
        ["ce-natssequence", sequence],
        ["ce-natsconsumer", consumer],
        ["ce-natsdeliverycount", "1"],
        ["ce-natsoperation", "put"],
        ["ce-natssubject", subject],
        ["ce-subject", subject],
        ["ce-time", "2026-11-25T07:00:00.000Z"],
      ];
      const response = await fetch(url, { method: "POST", headers, body, redirect: "manual" });
      if (response.ok) posted += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  return posted;
}

export default {
  fetch: async (request: Request, env: Vars, context: Parameters<typeof app.fetch>[2]): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    // forward.ts asks, and nothing else.
    if (pathname === "/floor") return Response.json(await floor((await request.json()) as FloorAsk));
    // The query has the vars of this run.
    return await app.fetch(request, { ...env, ...Object.fromEntries(searchParams) }, context);
  },
};
