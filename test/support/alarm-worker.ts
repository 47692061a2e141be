// A Durable Object that is always draining: each drain waits for messages until its limit, and the next alarm follows at once.
import { DurableObject } from "cloudflare:workers";
import { defineDrain } from "../../src/index.ts";
import { drainAlarm } from "../../src/triggers/cloudflare.ts";

interface Env {
  readonly NATS_URL: string;
  /** Is told the body of each message that is handled. */
  readonly HANDLED_URL: string;
  readonly LIMIT_MS: string;
  readonly DRAINER: { getByName(name: string): { start(): Promise<void> } };
}

const events = defineDrain<Env, "text">((env) => ({
  servers: env.NATS_URL,
  auth: { user: "drain", password: "drain-pw" },
  stream: "S",
  consumer: "c",
  until: "limit",
  codec: "text",
  handler: async ({ value }) => void (await fetch(env.HANDLED_URL, { method: "POST", body: value })),
}));

const drainEvents = drainAlarm(events, { limitMs: (env) => Number(env.LIMIT_MS) });

export class Drainer extends DurableObject<Env> {
  readonly #reports: unknown[] = [];

  async start(): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now());
  }

  /** The reports so far. */
  reports(): unknown[] {
    return this.#reports;
  }

  async alarm(): Promise<void> {
    this.#reports.push(await drainEvents(this.ctx.storage, this.env));
  }
}

export default { fetch: () => new Response(null, { status: 404 }) };
