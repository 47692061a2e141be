import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { childrenNamed, cpuMsOf } from "../test/bench/processes.ts";
import { COMPATIBILITY_DATE } from "../test/bench/runtimes.ts";
process.env.WRANGLER_SEND_METRICS = "false"; process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
const variants = process.argv[2]!.split(","); const conc = Number(process.argv[3] ?? 6); const rounds = Number(process.argv[4] ?? 8);
const server = createServer({ keepAlive: true }, (request, response) => { request.resume().once("end", () => { response.writeHead(204).end(); }); });
server.keepAliveTimeout = 60000; server.listen(0, "127.0.0.1"); await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as any).port}/events`;
const { unstable_startWorker: startWorker } = await import("wrangler");
const worker = await startWorker({ name: "exp", entrypoint: fileURLToPath(new URL("worker.ts", import.meta.url)), compatibilityDate: COMPATIBILITY_DATE,
  dev: { server: { hostname: "127.0.0.1", port: 0 }, inspector: false, persist: false, watch: false, logLevel: "none" } } as any);
await worker.ready; const base = await worker.url; 
await fetch(base, { method: "POST", body: JSON.stringify({ url, messages: 10, bytes: 1024, concurrency: 1, variant: "base" }) });
const pids = childrenNamed("workerd"); console.log(pids);
const got: Record<string, { cpu: number[]; wall: number[] }> = {};
for (let r = -1; r < rounds; r++) for (const variant of variants) {
  const c0 = cpuMsOf(pids), t0 = performance.now();
  const res = await fetch(base, { method: "POST", body: JSON.stringify({ url, messages: 2000, bytes: 1024, concurrency: conc, variant }) });
  if ((await res.json()) !== 2000) throw new Error("lost");
  const wall = performance.now() - t0, cpu = cpuMsOf(pids) - c0;
  if (r >= 0) { (got[variant] ??= { cpu: [], wall: [] }).cpu.push(cpu); got[variant]!.wall.push(wall); }
}
const q = (a: number[]) => a.toSorted((x, y) => x - y)[Math.floor(a.length / 4)]!;
for (const [k, { cpu, wall }] of Object.entries(got)) console.log(k.padEnd(28), "cpu", (cpu.reduce((a, b) => a + b) / cpu.length).toFixed(0), "q1", q(cpu), "wall q1", q(wall).toFixed(0));
await worker.dispose(); server.close(); server.closeAllConnections();
