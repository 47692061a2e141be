import { app } from "../src/worker/app.ts";
import floorWorker from "../test/bench/forward-worker.ts";
export default { fetch: async (request: Request, env: any, context: any) => {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/floor") return await floorWorker.fetch(request, env, context);
  (globalThis as any).EXP = new Set((searchParams.get("EXP") ?? "").split("+").filter(Boolean));
  const vars = Object.fromEntries(searchParams); delete vars.EXP;
  return await app.fetch(request, { ...env, ...vars }, context);
} };
