// Signing in with nkey, JWT and creds: its CPU in every runtime, cold and warm, beside nats.js. Workers Free allows an invocation 10 ms
// of CPU.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createAccount, createUser, encodeUser, fmtCreds } from "@nats-io/jwt";
import { RUNTIMES } from "../support/runtimes.ts";
import type { Bench, Measure } from "./bench.ts";
import { startBenchWorker } from "./bench-worker.ts";
import type { SignInCost } from "./sign-in-process.ts";
import { type Credentials, KINDS, type Kind, type Signer, type SignInJob } from "./sign-ins.ts";
import { alternate, median, round } from "./stats.ts";

export interface SignIn {
  readonly runtime: string;
  readonly kind: Kind;
  /** Warm, of one sign-in. */
  readonly sluiceCpuMs: number;
  readonly natsjsCpuMs: number;
  /** Of the first in a new process. */
  readonly sluiceColdCpuMs: number;
  readonly natsjsColdCpuMs: number;
}

const SIDES = ["sluice", "natsjs"] as const;
const ROUNDS = { count: 1, warmUps: 0 };
/** nats.js takes a hundred times as long, and is as clear after fewer. */
const TIMES = { sluice: { warmUps: 100, times: 500 }, natsjs: { warmUps: 20, times: 30 } } as const;
const MAX_MS = 2;

export const signIn: Measure<SignIn[]> = {
  name: "sign-in",
  key: "signIn",
  run: async (bench) => {
    const credentials = await makeCredentials();
    const results: SignIn[] = [];
    for (const [runtime, cost] of runtimes()) {
      for (const kind of KINDS) {
        const result = await measureKind(bench, kind, (signer) =>
          cost({ ...credentials, signer, kind, ...TIMES[signer] }),
        );
        const { sluiceCpuMs, natsjsCpuMs } = result;
        bench.log(`sign-in, ${runtime}, ${kind}: CPU ${sluiceCpuMs} ms, nats.js ${natsjsCpuMs} ms`);
        results.push({ runtime, ...result });
      }
    }
    return results;
  },
  rows: (results) =>
    results.map(({ runtime, kind, sluiceCpuMs, natsjsCpuMs }) => ({
      what: `CPU of signing in, ${runtime}, ${kind}, warm`,
      sluice: `${sluiceCpuMs} ms`,
      peer: `${natsjsCpuMs} ms`,
      got: `${sluiceCpuMs} ms`,
      target: `at most ${MAX_MS} ms`,
      met: sluiceCpuMs <= MAX_MS,
    })),
};

type CostOf = (job: SignInJob) => Promise<SignInCost>;

/** Those that are here. */
function runtimes(): [name: string, cost: CostOf][] {
  const others = RUNTIMES.filter(({ name }) => name === "Deno" || name === "Bun").flatMap(
    ({ name, command }): [string, CostOf][] => (command ? [[name, inProcess(command)]] : []),
  );
  return [["node", inProcess([process.execPath])], ["workerd", inWorkerd], ...others];
}

async function measureKind(
  { rounds }: Bench,
  kind: Kind,
  costOf: (signer: Signer) => Promise<SignInCost>,
): Promise<Omit<SignIn, "runtime">> {
  const costs = await alternate(SIDES, rounds(ROUNDS), costOf);
  const warm = (signer: Signer): number => round(median(costs[signer].map(({ warmMs }) => warmMs)), 2);
  const cold = (signer: Signer): number => round(median(costs[signer].map(({ coldMs }) => coldMs)), 2);
  return {
    kind,
    sluiceCpuMs: warm("sluice"),
    natsjsCpuMs: warm("natsjs"),
    sluiceColdCpuMs: cold("sluice"),
    natsjsColdCpuMs: cold("natsjs"),
  };
}

function inProcess([program, ...before]: readonly [string, ...string[]]): CostOf {
  const script = fileURLToPath(new URL("sign-in-process.ts", import.meta.url));
  return async (job) => {
    const args = [...before, script, JSON.stringify(job)];
    const { stdout } = await promisify(execFile)(program, args, { timeout: 60_000 });
    return JSON.parse(stdout) as SignInCost; // as sign-in-process.ts prints it
  };
}

/** Without the CPU of the HTTP call, which is that of a job of nothing. */
async function inWorkerd(job: SignInJob): Promise<SignInCost> {
  await using worker = await startBenchWorker(new URL("sign-in-worker.ts", import.meta.url));
  const cpuOf = async (times: number): Promise<number> => {
    const before = worker.cpuMs();
    await worker.post("/", { ...job, times });
    return worker.cpuMs() - before;
  };
  await cpuOf(0);
  const callMs = await cpuOf(0);
  const coldMs = Math.max(0, (await cpuOf(1)) - callMs);
  await cpuOf(job.warmUps);
  return { coldMs, warmMs: (await cpuOf(job.times)) / job.times };
}

async function makeCredentials(): Promise<Credentials> {
  const [user, account] = [createUser(), createAccount()];
  const jwt = await encodeUser("bench", user, account);
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { jwt, seed: text(user.getSeed()), creds: text(fmtCreds(jwt, user)) };
}
