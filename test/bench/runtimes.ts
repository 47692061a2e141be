// The two places where contenders run: processes of Node, and workerd in wrangler's dev server.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Contender, Done, Job } from "./contenders.ts";
import type { NodeAnswer, NodeAsk } from "./node-process.ts";
import { childrenNamed, cpuMsOf } from "./processes.ts";

/** What an invocation said of itself, and the CPU time that its process used meanwhile. */
export interface Ran extends Done {
  readonly cpuMs: number;
}

export interface Runtime extends AsyncDisposable {
  readonly name: "node" | "workerd";
  /** Runs one job. Rejects when the contender failed. */
  run(contender: Contender, job: Job): Promise<Ran>;
  /** The processes that the contender's code runs in. */
  pids(contender: Contender): readonly number[];
}

export interface NodeRuntime extends Runtime {
  /** @param times how often to do the job at once, for a CPU time too small to read of one; it is of one. `@default` 1 */
  run(contender: Contender, job: Job, times?: number): Promise<Ran>;
}

/** Node: a process a contender, so that none has another's garbage or compiled code. They start when they are first needed. */
export function nodeRuntime(): NodeRuntime {
  const children = new Map<Contender, ChildProcess>();
  const childOf = (contender: Contender): ChildProcess => {
    const child = children.get(contender) ?? forkContender();
    children.set(contender, child);
    return child;
  };
  return {
    name: "node",
    run: async (contender, job, times = 1) => {
      const child = childOf(contender);
      const answer = await askChild(child, { contender, job, times }).catch((error: unknown) => {
        // It may still answer: the next is to have a process of its own.
        children.delete(contender);
        child.kill("SIGKILL");
        throw error;
      });
      if (answer.kind === "failed") throw new Error(`${contender} in Node: ${answer.message}`);
      return { ...answer.done, cpuMs: answer.cpuMs };
    },
    pids: (contender) => [childOf(contender).pid ?? 0],
    [Symbol.asyncDispose]: async () => {
      for (const child of children.values()) {
        const gone = once(child, "exit");
        child.kill("SIGKILL");
        await gone;
      }
    },
  };
}

// A run takes some seconds at most; one that hangs must fail the bench.
const RUN_TIMEOUT_MS = 120_000;

async function askChild(child: ChildProcess, ask: NodeAsk): Promise<NodeAnswer> {
  child.send(ask);
  const answered = once(child, "message", { signal: AbortSignal.timeout(RUN_TIMEOUT_MS) });
  const [answer] = (await answered) as [NodeAnswer]; // as node-process.ts sends it
  return answer;
}

function forkContender(): ChildProcess {
  return fork(fileURLToPath(new URL("node-process.ts", import.meta.url)), { execArgv: ["--expose-gc"] });
}

type Wrangler = typeof import("wrangler");
type StartInput = Parameters<Wrangler["unstable_startWorker"]>[0];

/** A Worker behind wrangler's dev server, which has a proxy in front. */
interface InDevServer {
  readonly worker: Awaited<ReturnType<Wrangler["unstable_startWorker"]>>;
  readonly url: URL;
  /** The Worker's own process, and the dev server's proxy, whose share is one small request a run. */
  readonly pids: readonly number[];
}

export async function startInDevServer(
  source: URL,
  bindings: NonNullable<StartInput["bindings"]> = {},
): Promise<InDevServer> {
  process.env.WRANGLER_SEND_METRICS = "false";
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
  const { unstable_startWorker: startWorker } = await import("wrangler");
  const before = new Set(childrenNamed("workerd"));
  const worker = await startWorker({
    name: "bench",
    entrypoint: fileURLToPath(source),
    compatibilityDate: COMPATIBILITY_DATE,
    bindings,
    dev: {
      server: { hostname: "127.0.0.1", port: 0 },
      inspector: false,
      persist: false,
      watch: false,
      logLevel: "none",
    },
  });
  await worker.ready;
  const url = await worker.url;
  await fetch(url); // Ready is the proxy in front; the Worker itself is once it has answered.
  const pids = childrenNamed("workerd").filter((pid) => !before.has(pid));
  if (pids.length === 0)
    throw new Error("no workerd among this process's children: its CPU time cannot be read");
  return { worker, url, pids };
}

export interface Workerd extends Runtime {
  /** Where the dev server answers, `http://127.0.0.1:<port>/`. */
  readonly url: URL;
}

/** workerd: the fixture Worker, all contenders in the one process. `cronJob` is what its cron triggers do. */
export async function workerdRuntime(cronJob: Partial<Job> = {}): Promise<Workerd> {
  const { worker, url, pids } = await startInDevServer(new URL("worker.ts", import.meta.url), {
    CRON_JOB: { type: "plain_text", value: JSON.stringify(cronJob) },
  });
  return {
    name: "workerd",
    url,
    run: async (contender, job) => {
      const cpuBefore = cpuMsOf(pids);
      const response = await fetch(new URL(`/run/${contender}`, url), {
        method: "POST",
        body: JSON.stringify(job),
      });
      if (!response.ok) throw new Error(`${contender} in workerd: ${await response.text()}`);
      const done = (await response.json()) as Done; // worker.ts answers with it
      return { ...done, cpuMs: cpuMsOf(pids) - cpuBefore };
    },
    pids: () => pids,
    [Symbol.asyncDispose]: () => worker.dispose(),
  };
}

/** That of the deployable Worker, in wrangler.toml. */
export const COMPATIBILITY_DATE = "2026-11-01";
