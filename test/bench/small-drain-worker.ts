// The Worker of the small measures: Sluice, the floor, and an HTTP call that does nothing, whose CPU is taken off both.
import { contend, type Job } from "./contenders.ts";
import { drainByHand } from "./protocol-floor.ts";

const ROUTES: Readonly<Record<string, (job: Job) => Promise<unknown>>> = {
  "/sluice": (job) => contend("sluice", job),
  "/floor": drainByHand,
  "/empty": async () => null,
};

export default {
  fetch: async (request: Request): Promise<Response> => {
    const route = ROUTES[new URL(request.url).pathname];
    if (!route) return new Response("not found", { status: 404 });
    try {
      return Response.json(await route((await request.json()) as Job)); // small-drain.ts, the only caller, sends one
    } catch (error) {
      return new Response(error instanceof Error ? error.message : String(error), { status: 500 });
    }
  },
};
