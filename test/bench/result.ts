// What `npm run bench -- --json` prints, as the figures and pictures of docs/ read it. A run with `--only` has some of it.
import type { Row } from "./bench.ts";
import type { Bundle } from "./bundle.ts";
import type { Cost } from "./cost.ts";
import type { Cpu } from "./cpu.ts";
import type { Forward } from "./forward.ts";
import type { Growth } from "./growth.ts";
import type { Idle } from "./idle.ts";
import type { Latency } from "./latency.ts";
import type { Loss } from "./loss.ts";
import type { Memory } from "./memory.ts";
import type { Peer } from "./peers.ts";
import type { Release } from "./release.ts";
import type { RoundTrips } from "./round-trips.ts";
import type { Scaled } from "./scale.ts";
import type { SignIn } from "./sign-in.ts";
import type { SlowLink } from "./slow-link.ts";
import type { SmallDrain } from "./small-drain.ts";
import type { Tail } from "./tail.ts";
import type { Throughput } from "./throughput.ts";
import type { WaitingMinute } from "./waiting-minute.ts";

export interface BenchResult {
  readonly server: { readonly version: string };
  readonly machine: {
    readonly cpus: number;
    readonly model: string;
    readonly node: string;
    /** Of the minute before it began: what else the machine did. */
    readonly loadAverage?: number;
  };
  readonly versions: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly at: string;
  /** Measures that ended with an error, which are not among the others. */
  readonly failed?: readonly { readonly name: string; readonly message: string }[];
  /** The rows of the table, in its order. */
  readonly targets: readonly Row[];
  readonly roundTrips?: RoundTrips;
  readonly throughput?: readonly Throughput[];
  readonly cpu?: readonly Cpu[];
  readonly tail?: Tail;
  readonly idle?: readonly Idle[];
  readonly latency?: Latency;
  readonly waitingMinute?: readonly WaitingMinute[];
  readonly lossToScheduler?: Loss;
  readonly forward?: readonly Forward[];
  readonly smallDrain?: SmallDrain;
  readonly slowLink?: readonly SlowLink[];
  readonly signIn?: readonly SignIn[];
  readonly peers?: readonly Peer[];
  readonly release?: Release;
  readonly memory?: readonly Memory[];
  readonly growth?: Growth;
  readonly scale?: readonly Scaled[];
  readonly bundle?: Bundle;
  readonly cost?: readonly Cost[];
}
