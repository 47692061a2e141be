// What the kernel says of other processes: their CPU time and their memory. Linux only.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

// The kernel's USER_HZ, the same on every architecture that Node runs on (proc(5)).
const MS_PER_TICK = 10;

interface Stat {
  readonly name: string;
  readonly parent: number;
  readonly cpuMs: number;
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name may hold spaces and brackets; the fields after it do not.
    const name = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [parent, userTicks, systemTicks] = [fields[1], fields[11], fields[12]].map(Number);
    if (parent === undefined || userTicks === undefined || systemTicks === undefined) return undefined;
    return { name, parent, cpuMs: (userTicks + systemTicks) * MS_PER_TICK };
  } catch {
    return undefined; // It has ended.
  }
}

/** This process's children that run `program`. */
export function childrenNamed(program: string): number[] {
  const pids = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
  return pids.filter((pid) => {
    const stat = readStat(pid);
    return stat?.parent === process.pid && stat.name === program;
  });
}

/**
 * CPU time that the processes have used so far, all threads, user and system, in milliseconds. To the nanosecond of the threads that
 * are there (workerd ends none while it serves), where the kernel counts so; in steps of 10 elsewhere.
 */
export function cpuMsOf(pids: readonly number[]): number {
  return pids.reduce((total, pid) => total + (threadsMs(pid) ?? readStat(pid)?.cpuMs ?? 0), 0);
}

/** By Documentation/scheduler/sched-stats.rst of Linux. */
function threadsMs(pid: number): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanoseconds = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]),
    );
    return nanoseconds.reduce((total, each) => total + each, 0) / 1_000_000;
  } catch {
    return undefined; // The kernel was built without it, or a thread has just ended.
  }
}

/** Bytes of memory that a process has resident, and the most it had since {@link forgetPeak}. */
export function memoryOf(pid: number): { readonly residentBytes: number; readonly peakBytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const bytes = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? Number.NaN) * 1024;
  return { residentBytes: bytes("VmRSS"), peakBytes: bytes("VmHWM") };
}

/** Makes the process's peak its present memory (proc(5), clear_refs). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
