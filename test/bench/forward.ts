// Forwarding: JetStream to a local target through the deployable Worker, beside the same POSTs in a bare loop of `fetch`.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Report } from "../../src/index.ts";
import type { Bench, Measure } from "./bench.ts";
import type { FloorAsk } from "./forward-worker.ts";
import { cpuMsOf } from "./processes.ts";
import { startInDevServer } from "./runtimes.ts";
import { alternate, lowerQuartile, round, sum } from "./stats.ts";

export interface Forward {
  readonly concurrency: number;
  readonly sluiceMs: number;
  readonly floorMs: number;
  /** sluiceMs / floorMs */
  readonly ratio: number;
  /** CPU of workerd for one run, in milliseconds: what a busy machine does beside it changes it less. */
  readonly sluiceCpuMs: number;
  readonly floorCpuMs: number;
}

const MESSAGES = 2_000;
const BYTES = 1_024;
const CONCURRENCIES = [1, 6, 32] as const;
const ROUNDS = { count: 6, warmUps: 1 };
const MAX_RATIO = 1.1;
const TOKEN = "a-token-of-the-bench-alone";

export const forward: Measure<Forward[]> = {
  name: "forward",
  key: "forward",
  run: async (bench) => {
    const stream = await bench.bed.fill(MESSAGES, BYTES);
    await using target = await startCounter();
    await using worker = await startForwarder();
    const results: Forward[] = [];
    for (const concurrency of CONCURRENCIES) {
      results.push(await measureCase(bench, { stream, concurrency, target, worker }));
    }
    return results;
  },
  rows: (results) =>
    results.map(({ concurrency, sluiceMs, floorMs, ratio }) => ({
      what: `forward ${MESSAGES} x 1 KiB, concurrency ${concurrency}`,
      sluice: `${sluiceMs} ms`,
      peer: `floor ${floorMs} ms`,
      got: `${ratio} x`,
      target: `at most ${MAX_RATIO} x`,
      met: ratio <= MAX_RATIO,
    })),
};

interface Case {
  readonly stream: string;
  readonly concurrency: number;
  readonly target: Counter;
  readonly worker: Forwarder;
}

async function measureCase(bench: Bench, each: Case): Promise<Forward> {
  const { concurrency } = each;
  const sides = { sluice: drain, floor: loop };
  const runs = await alternate(["sluice", "floor"], bench.rounds(ROUNDS), async (side) => {
    each.target.keys.clear();
    const ran = await sides[side](bench, each);
    if (each.target.keys.size !== MESSAGES)
      throw new Error(`${side} posted ${each.target.keys.size} of ${MESSAGES} messages`);
    return ran;
  });
  // What else the machine does only ever adds.
  const wall = (side: keyof typeof sides): number =>
    round(lowerQuartile(runs[side].map((run) => run.wallMs)));
  const cpu = (side: keyof typeof sides): number =>
    round(sum(runs[side].map((run) => run.cpuMs)) / runs[side].length);
  const [sluiceMs, floorMs] = [wall("sluice"), wall("floor")];
  const [sluiceCpuMs, floorCpuMs] = [cpu("sluice"), cpu("floor")];
  bench.log(
    `forward, concurrency ${concurrency}: ${sluiceMs} ms, floor ${floorMs} ms; CPU ${sluiceCpuMs} ms, floor ${floorCpuMs} ms`,
  );
  return { concurrency, sluiceMs, floorMs, ratio: round(sluiceMs / floorMs, 2), sluiceCpuMs, floorCpuMs };
}

interface Run {
  readonly wallMs: number;
  readonly cpuMs: number;
}

async function drain({ bed }: Bench, { stream, concurrency, target, worker }: Case): Promise<Run> {
  const job = { stream, messages: MESSAGES, batch: MESSAGES, maxWaitMs: 5_000 };
  return await bed.withConsumer(job, async ({ url, user, pass, consumer }) => {
    const vars = {
      NATS_URL: url,
      NATS_USER: user,
      NATS_PASSWORD: pass,
      NATS_STREAM: stream,
      NATS_CONSUMER: consumer,
      TARGET_URL: target.url,
      BATCH: String(MESSAGES),
      CONCURRENCY: String(concurrency),
      LIMIT_MS: "60000",
      DRAIN_TOKEN: TOKEN,
    };
    const { answer, ...run } = await worker.post(`/drain?${new URLSearchParams(vars)}`);
    const report = answer as Report; // POST /drain answers with it
    if (report.outcome !== "completed" || report.acked !== MESSAGES) throw new Error(JSON.stringify(report));
    return run;
  });
}

async function loop(_: Bench, { stream, concurrency, target, worker }: Case): Promise<Run> {
  const subject = `${stream}.message`;
  const ask: FloorAsk = {
    url: target.url,
    stream,
    consumer: "run-0000",
    subject,
    messages: MESSAGES,
    bytes: BYTES,
    concurrency,
  };
  return await worker.post("/floor", ask);
}

interface Counter extends AsyncDisposable {
  readonly url: string;
  /** The idempotency keys that came. */
  readonly keys: Set<string>;
}

async function startCounter(): Promise<Counter> {
  const keys = new Set<string>();
  const server = createServer({ keepAlive: true }, (request, response) => {
    request.resume().once("end", () => {
      keys.add(String(request.headers["idempotency-key"]));
      response.writeHead(204).end();
    });
  });
  server.keepAliveTimeout = 60_000; // an idle connection that this side closes could have a request on its way
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a listening TCP server has no other kind
  const url = `http://127.0.0.1:${port}/events`;
  return {
    url,
    keys,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

interface Forwarder extends AsyncDisposable {
  post(path: string, body?: FloorAsk): Promise<Run & { readonly answer: unknown }>;
}

async function startForwarder(): Promise<Forwarder> {
  const { worker, url, pids } = await startInDevServer(new URL("forward-worker.ts", import.meta.url));
  return {
    post: async (path, body) => {
      const cpuBefore = cpuMsOf(pids);
      const startedAt = performance.now();
      const response = await fetch(new URL(path, url), {
        method: "POST",
        headers: { Authorization: `Bearer ${TOKEN}` },
        body: body === undefined ? "" : JSON.stringify(body),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`POST ${path.split("?")[0]}: ${text}`);
      const wallMs = performance.now() - startedAt;
      return { wallMs, cpuMs: cpuMsOf(pids) - cpuBefore, answer: JSON.parse(text) };
    },
    [Symbol.asyncDispose]: () => worker.dispose(),
  };
}
