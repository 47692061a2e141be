// Signing in, in Node, Deno and Bun: a process for each contender and kind of credentials, which prints what a sign-in cost it.
import process from "node:process";
import { type SignInJob, signInOften } from "./sign-ins.ts";

/** CPU of one sign-in, in milliseconds. */
export interface SignInCost {
  /** The process's first. */
  readonly coldMs: number;
  /** When what runs often is compiled. */
  readonly warmMs: number;
}

async function cpuOf(job: SignInJob): Promise<number> {
  const before = process.cpuUsage();
  await signInOften(job);
  const after = process.cpuUsage();
  // By hand: not every runtime takes an earlier one as an argument.
  return (after.user + after.system - before.user - before.system) / 1_000 / job.times;
}

const job = JSON.parse(process.argv[2] ?? "") as SignInJob; // sign-in.ts, which starts it, gives one
const coldMs = await cpuOf({ ...job, times: 1 });
await signInOften({ ...job, times: job.warmUps });
const cost: SignInCost = { coldMs, warmMs: await cpuOf(job) };
process.stdout.write(JSON.stringify(cost));
