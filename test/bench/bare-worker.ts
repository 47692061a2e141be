// The Worker of bareWorkerd() and of the small measures: the contenders, the floor by hand, and an HTTP call that does nothing, whose
// CPU is taken off.
import { contend, type Job } from "./contenders.ts";
import { drainByHand } from "./protocol-floor.ts";

const ROUTES: Readonly<Record<string, (job: Job) => Promise<unknown>>> = {
  "/sluice": (job) => contend("sluice", job),
  "/natsjs": (job) => contend("natsjs", job),
  "/by-hand": drainByHand,
  "/empty": async () => null,
};

export default {
  fetch: async (request: Request): Promise<Response> => {
    const route = ROUTES[new URL(request.url).pathname];
    if (!route) return new Response("not found", { status: 404 });
    try {
      return Response.json(await route((await request.json()) as Job)); // as every measure that calls it sends
    } catch (error) {
      return new Response(error instanceof Error ? error.message : String(error), { status: 500 });
    }
  },
};
