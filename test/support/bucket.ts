// A KV bucket for the history, as `nats kv add drains --history 64` makes it.
import type { NatsConnection } from "@nats-io/nats-core";

export const BUCKET = "drains";

export async function makeBucket(nats: NatsConnection): Promise<void> {
  const stream = {
    name: `KV_${BUCKET}`,
    subjects: [`$KV.${BUCKET}.>`],
    max_msgs_per_subject: 64,
    allow_direct: true,
    allow_rollup_hdrs: true,
    deny_delete: true,
    discard: "new",
    storage: "memory",
  };
  await nats.request(`$JS.API.STREAM.CREATE.${stream.name}`, JSON.stringify(stream), { timeout: 10_000 });
}
