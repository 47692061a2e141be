// The fixture Worker: the contenders behind one route, and in two cron triggers.
import { Hono } from "hono";
import { defineDrain } from "../../src/index.ts";
import { type CronController, scheduled } from "../../src/triggers/cloudflare.ts";
import { CONTENDERS, CRON, contend, type Job } from "./contenders.ts";

/** The job of the cron triggers, as JSON. */
interface Bindings {
  readonly CRON_JOB: string;
}

const app = new Hono();

app.post("/run/:contender", async (c) => {
  const contender = CONTENDERS.find((name) => name === c.req.param("contender"));
  if (contender === undefined) return c.notFound();
  return c.json(await contend(contender, await c.req.json<Job>()));
});
app.onError((error, c) => c.text(error.message, 500));

const jobOf = ({ CRON_JOB }: Bindings): Job => JSON.parse(CRON_JOB);

const cronWithSluice = scheduled(
  defineDrain<Bindings>((env) => {
    const { url, user, pass, stream, consumer, batch, maxWaitMs, heartbeatMs } = jobOf(env);
    const handler = (): void => {};
    return {
      servers: url,
      auth: { user, password: pass },
      stream,
      consumer,
      batch,
      maxWaitMs,
      heartbeatMs,
      handler,
    };
  }),
);

export default {
  fetch: app.fetch,
  scheduled: async (controller: CronController & { readonly cron: string }, env: Bindings): Promise<void> => {
    if (controller.cron === CRON.sluice) return await cronWithSluice(controller, env);
    await contend("natsjs", jobOf(env));
  },
};
