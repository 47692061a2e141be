// The Worker that a user would write without Sluice, with the same libraries: the floor under the deployable Worker's bundle.
import { jetstream } from "@nats-io/jetstream";
import { wsconnect } from "@nats-io/nats-core";
import { Hono } from "hono";

interface Bindings {
  readonly NATS_URL: string;
  readonly NATS_TOKEN: string;
  readonly NATS_STREAM: string;
  readonly NATS_CONSUMER: string;
  readonly TARGET_URL: string;
}

const app = new Hono<{ Bindings: Bindings }>();

app.post("/drain", async (c) => {
  const nc = await wsconnect({ servers: c.env.NATS_URL, token: c.env.NATS_TOKEN });
  const consumer = await jetstream(nc).consumers.get(c.env.NATS_STREAM, c.env.NATS_CONSUMER);
  const messages = await consumer.fetch({ max_messages: 100, expires: 5_000 });
  for await (const message of messages) {
    const response = await fetch(c.env.TARGET_URL, {
      method: "POST",
      body: message.data as Uint8Array<ArrayBuffer>,
    });
    if (response.ok) message.ack();
    else message.nak();
  }
  await nc.drain();
  return c.json({ processed: messages.getProcessed() });
});

export default app;
