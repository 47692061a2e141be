// What a measure is, and what it is given.
import type { Certificates } from "../support/certificates.ts";
import type { Bed } from "./bed.ts";
import type { NodeRuntime, Workerd } from "./runtimes.ts";
import type { Rounds } from "./stats.ts";

export interface Bench {
  readonly bed: Bed;
  readonly node: NodeRuntime;
  /** The runtimes trust their authority. */
  readonly certificates: Certificates;
  /** Started when it is first asked for. */
  workerd(): Promise<Workerd>;
  /** The result of a measure, which is run once however many ask for it. */
  measured<Result>(measure: Measure<Result>): Promise<Result>;
  /** The rounds to run: with `--quick` one of each, which shows that all works and gives no figures. */
  rounds(planned: Rounds): Rounds;
  /** Says how far it is. */
  log(line: string): void;
}

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly sluice: string;
  /** What it is measured against. */
  readonly peer: string;
  /** What the figure must reach, where there is such a thing. */
  readonly target?: string;
  /** The figure that is held to the target. */
  readonly got?: string;
  readonly met?: boolean;
}

export interface Measure<Result> {
  /** As `--only` takes it. */
  readonly name: string;
  /** Its member of the JSON. */
  readonly key: string;
  run(bench: Bench): Promise<Result>;
  rows(result: Result): readonly Row[];
}
