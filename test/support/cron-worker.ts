// A Worker with two cron triggers that do the same job: one with Sluice, one as the nats.js documentation shows it.
import { jetstream } from "@nats-io/jetstream";
import { wsconnect } from "@nats-io/nats-core";
import { defineDrain } from "../../src/index.ts";
import { type CronController, scheduled } from "../../src/triggers/cloudflare.ts";

interface Env {
  readonly NATS_URL: string;
}

const AUTH = { user: "admin", password: "admin-pw" };

const sluice = scheduled(
  defineDrain<Env>(({ NATS_URL }) => ({
    servers: NATS_URL,
    auth: AUTH,
    stream: "ORDERS",
    consumer: "worker",
    maxWaitMs: 3_000,
    heartbeatMs: 500,
    handler: () => {},
  })),
  { limitMs: 10_000 },
);

/** The fetch loop of the nats.js documentation, with acks, and with the connection closed at the end. */
async function natsjs({ NATS_URL }: Env): Promise<void> {
  const nc = await wsconnect({ servers: NATS_URL, user: AUTH.user, pass: AUTH.password, reconnect: false });
  const consumer = await jetstream(nc).consumers.get("ORDERS", "worker");
  const messages = await consumer.fetch({ max_messages: 100, expires: 3_000, idle_heartbeat: 500 });
  for await (const message of messages) message.ack();
  await nc.drain();
}

export default {
  scheduled: (controller: CronController & { readonly cron: string }, env: Env): Promise<void> =>
    controller.cron === "1 * * * *" ? sluice(controller, env) : natsjs(env),
};
