import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { childrenNamed, cpuMsOf } from "../test/bench/processes.ts";
import { COMPATIBILITY_DATE } from "../test/bench/runtimes.ts";
import { makeBed } from "../test/bench/bed.ts";
process.env.WRANGLER_SEND_METRICS = "false"; process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
const variants = process.argv[2]!.split(","); const conc = Number(process.argv[3] ?? 6); const rounds = Number(process.argv[4] ?? 8);
const server = createServer({ keepAlive: true }, (request, response) => { request.resume().once("end", () => { response.writeHead(204).end(); }); });
server.keepAliveTimeout = 60000; server.listen(0, "127.0.0.1"); await once(server, "listening");
const target = `http://127.0.0.1:${(server.address() as any).port}/events`;
const { unstable_startWorker: startWorker } = await import("wrangler");
const bed = await makeBed();
const stream = await bed.fill(2000, 1024);
const worker = await startWorker({ name: "exp", entrypoint: fileURLToPath(new URL("fworker.ts", import.meta.url)), compatibilityDate: COMPATIBILITY_DATE,
  dev: { server: { hostname: "127.0.0.1", port: 0 }, inspector: false, persist: false, watch: false, logLevel: "none" } } as any);
await worker.ready; const base = await worker.url;
await fetch(new URL("/floor", base), { method: "POST", body: JSON.stringify({ url: target, stream, consumer: "c", subject: "x", messages: 10, bytes: 1024, concurrency: 1 }) });
const pids = childrenNamed("workerd");
const got: Record<string, { cpu: number[]; wall: number[] }> = {};
const timed = async (f: () => Promise<Response>) => { const c0 = cpuMsOf(pids), t0 = performance.now(); const r = await f(); const t = await r.text(); if (!r.ok) throw new Error(t); return { wall: performance.now() - t0, cpu: cpuMsOf(pids) - c0 }; };
for (let r = -1; r < rounds; r++) for (const variant of r % 2 ? variants : variants.toReversed()) {
  let res: { wall: number; cpu: number };
  if (variant === "floor") res = await timed(() => fetch(new URL("/floor", base), { method: "POST", body: JSON.stringify({ url: target, stream, consumer: "run-0000", subject: `${stream}.message`, messages: 2000, bytes: 1024, concurrency: conc }) }));
  else res = await bed.withConsumer({ stream, messages: 2000, batch: 2000, maxWaitMs: 5000 }, async ({ url, user, pass, consumer }: any) => {
    const vars: any = { NATS_URL: url, NATS_USER: user, NATS_PASSWORD: pass, NATS_STREAM: stream, NATS_CONSUMER: consumer, TARGET_URL: target, BATCH: "2000", CONCURRENCY: String(conc), LIMIT_MS: "60000", DRAIN_TOKEN: "a-token-of-the-bench-alone", EXP: variant };
    return await timed(() => fetch(new URL(`/drain?${new URLSearchParams(vars)}`, base), { method: "POST", headers: { Authorization: "Bearer a-token-of-the-bench-alone" } }));
  });
  if (r >= 0) { (got[variant] ??= { cpu: [], wall: [] }).cpu.push(res.cpu); got[variant]!.wall.push(res.wall); }
}
const med = (a: number[]) => a.toSorted((x, y) => x - y)[Math.floor(a.length / 2)]!;
const q = (a: number[]) => a.toSorted((x, y) => x - y)[Math.floor(a.length / 4)]!;
for (const [k, { cpu, wall }] of Object.entries(got)) console.log(k.padEnd(36), "cpu mean", (cpu.reduce((a, b) => a + b) / cpu.length).toFixed(0), "med", med(cpu), "q1", q(cpu), "wall q1", q(wall).toFixed(0), "med", med(wall).toFixed(0));
await worker.dispose(); server.close(); server.closeAllConnections(); await bed[Symbol.asyncDispose]();
