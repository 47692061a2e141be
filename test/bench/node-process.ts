// The process that a contender runs in when it runs in Node: one job a message, with the CPU time that it cost.
import { type Contender, contend, type Done, type Job } from "./contenders.ts";

export interface NodeAsk {
  readonly contender: Contender;
  readonly job: Job;
  /** How often to do the job at the same time. */
  readonly times: number;
}

export type NodeAnswer =
  | { readonly kind: "done"; readonly done: Done; readonly cpuMs: number }
  | { readonly kind: "failed"; readonly message: string };

async function answer({ contender, job, times }: NodeAsk): Promise<NodeAnswer> {
  const before = process.cpuUsage();
  try {
    const [done] = await Promise.all([
      contend(contender, job),
      ...Array.from({ length: times - 1 }, () => contend(contender, job)),
    ]);
    const { user, system } = process.cpuUsage(before);
    return { kind: "done", done, cpuMs: (user + system) / 1_000 / times };
  } catch (error) {
    return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

// bench's runtimes.ts, its only sender, sends nothing else.
process.on("message", (ask) => void answer(ask as NodeAsk).then((answered) => process.send?.(answered)));
process.once("disconnect", () => process.exit());
