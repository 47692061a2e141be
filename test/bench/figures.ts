// The figures of docs/performance.md, as Markdown, from what a run of the bench has measured. Pure.
import type { Grown } from "./growth.ts";
import type { BenchResult } from "./result.ts";
import { dollars, kib, mib, ms, number, times } from "./units.ts";

/** A section's text, or undefined where the run did not measure it. */
type Section = (result: BenchResult) => string | undefined;

/** By the name in the page's markers. */
export const SECTIONS: Readonly<Record<string, Section>> = {
  run,
  missed,
  throughput: ({ throughput }) =>
    throughput &&
    table(
      ["", "Sluice", "nats.js", "floor", "faster than nats.js", "over the floor"],
      throughput.map((each) => [
        `${each.case}, ${each.runtime}`,
        ms(each.sluiceMs),
        ms(each.natsjsMs),
        ms(each.floorMs),
        times(each.ratio),
        times(each.overFloor),
      ]),
    ),
  peers: ({ peers }) =>
    peers &&
    table(
      ["", "Sluice", "peer", ""],
      peers.map((each) =>
        each.ms === null
          ? [`${each.case}, ${each.name}`, "", `skipped: ${each.skipped}`, ""]
          : [`${each.case}, ${each.name}`, ms(each.sluiceMs ?? 0), ms(each.ms), times(each.ratio ?? 0)],
      ),
    ),
  "round-trips": ({ roundTrips }) =>
    roundTrips &&
    table(
      ["runtime", "messages", "concurrency", "to the first message", "in all"],
      [
        ["node", "10", "1", ...tripsOf(roundTrips.sluice)],
        ["workerd", "10", "1", ...tripsOf(roundTrips.workerd.sluice)],
        ...roundTrips.cases.map((each) => [
          each.runtime,
          String(each.messages),
          String(each.concurrency),
          ...tripsOf(each.sluice),
        ]),
        ["node, nats.js", "10", "", ...tripsOf(roundTrips.natsjs)],
      ],
    ),
  "slow-link": ({ slowLink }) =>
    slowLink &&
    table(
      ["messages", "runtime", "Sluice", "round trips once open", "nats.js", "round trips"],
      slowLink.map((each) => [
        String(each.messages),
        each.runtime,
        ms(each.sluiceMs),
        String(each.sluiceRoundTrips),
        ms(each.natsjsMs),
        String(each.natsjsRoundTrips),
      ]),
    ),
  cpu: ({ cpu, smallDrain }) =>
    cpu &&
    smallDrain &&
    table(
      ["CPU", "Sluice", "nats.js", "floor"],
      [
        ...cpu.map((each) => [
          `per 1,000 messages, ${each.case}, ${each.runtime}`,
          ms(each.sluiceMs),
          ms(each.natsjsMs),
          ms(each.floorMs),
        ]),
        [
          `a drain of ${smallDrain.messages}, workerd, without the HTTP call`,
          ms(smallDrain.sluiceCpuMs),
          "",
          `${ms(smallDrain.floorCpuMs)}, by hand`,
        ],
      ],
    ),
  "sign-in": ({ signIn }) =>
    signIn &&
    table(
      ["runtime", "kind", "Sluice, warm", "first", "nats.js, warm", "first"],
      signIn.map((each) => [
        each.runtime,
        each.kind,
        ms(each.sluiceCpuMs),
        ms(each.sluiceColdCpuMs),
        ms(each.natsjsCpuMs),
        ms(each.natsjsColdCpuMs),
      ]),
    ),
  waiting: ({ idle, waitingMinute, latency }) =>
    idle &&
    waitingMinute &&
    latency &&
    table(
      ["", "Sluice", "nats.js"],
      [
        ...idle.map((each) => [
          `an empty drain that waits ${each.maxWaitMs / 1_000} s: CPU, Node`,
          ms(each.sluiceCpuMs),
          ms(each.natsjsCpuMs),
        ]),
        ...waitingMinute.map((each) => [
          `a minute \`until: "limit"\` without a message: CPU, ${each.runtime}`,
          ms(each.cpuMs),
          "",
        ]),
        ['publish to handled, `until: "limit"`', `p50 ${ms(latency.p50Ms)}, p99 ${ms(latency.p99Ms)}`, ""],
      ],
    ),
  forward: ({ forward }) =>
    forward &&
    table(
      ["concurrency", "wall time", "of the loop", "", "CPU of workerd", "of the loop", ""],
      forward.map((each) => [
        String(each.concurrency),
        ms(each.sluiceMs),
        ms(each.floorMs),
        times(each.ratio),
        ms(each.sluiceCpuMs),
        ms(each.floorCpuMs),
        times(each.sluiceCpuMs / each.floorCpuMs),
      ]),
    ),
  ends: ({ tail, lossToScheduler, release, memory, bundle }) =>
    tail &&
    lossToScheduler &&
    release &&
    memory &&
    bundle &&
    table(
      ["", "Sluice", "nats.js"],
      [
        [
          "a short batch, 3 of 100: from the last message to the report",
          `${tail.sluiceRoundTrips} round trips`,
          ms(tail.natsjsMs),
        ],
        [
          `a lost server: when a cron scheduler knows, heartbeat ${ms(lossToScheduler.heartbeatMs)}`,
          ms(lossToScheduler.sluiceMs),
          lossToScheduler.natsjsMs === null ? "never" : ms(lossToScheduler.natsjsMs),
        ],
        [
          `a leftover of a cut drain: when another has handled it, ack wait ${ms(release.ackWaitMs)}`,
          ms(release.sluiceMs),
          ms(release.natsjsMs),
        ],
        ...memory.map((each) => [
          `peak memory, \`maxBytes\` ${mib(each.maxBytes)}, ${each.case}, ${each.runtime}`,
          mib(each.sluicePeakBytes),
          mib(each.natsjsPeakBytes),
        ]),
        [
          "the deployable Worker, gzipped",
          `${kib(bundle.gzipBytes)}, start-up ${times(bundle.startupRatio)} the floor's CPU`,
          `floor ${kib(bundle.floorGzipBytes)}`,
        ],
      ],
    ),
  "growth-messages": ({ growth }) => growth && growthTable(growth.messages, "messages a drain", count),
  "growth-bytes": ({ growth }) => growth && growthTable(growth.bytes, "bytes a message", bytesOf),
  scale: ({ scale }) =>
    scale &&
    table(
      [
        "drains at once",
        "messages a second",
        "CPU of all, per 1,000",
        "memory of one process",
        "machine busy",
      ],
      scale.map((each) => [
        String(each.drains),
        number(each.messagesPerSecond),
        ms(each.cpuMs / (each.messages / 1_000)),
        mib(each.memoryBytes),
        `${each.busyPercent} %`,
      ]),
    ),
  cost: ({ cost }) =>
    cost &&
    table(
      ["platform", "messages a drain", "", "requests", "CPU ms", "wall ms", "US$"],
      cost.map((each) => [
        each.platform,
        number(each.batch),
        each.contender === "sluice" ? "Sluice" : each.contender,
        number(each.requests),
        number(each.cpuMs),
        number(each.wallMs),
        dollars(each.dollars),
      ]),
    ),
};

/** The page with the figures of `result` between its markers; what was not measured stays as it is. */
export function withFigures(page: string, result: BenchResult): string {
  return page.replaceAll(
    /(<!-- bench: ([\w-]+) -->\n)[\s\S]*?(<!-- bench: end -->)/g,
    (whole, start: string, name: string, end: string) => {
      const text = SECTIONS[name]?.(result);
      return text === undefined ? whole : `${start}${text}\n${end}`;
    },
  );
}

function run({ machine, versions, server, at, targets }: BenchResult): string {
  const judged = targets.filter(({ met }) => met !== undefined);
  const met = judged.filter((row) => row.met).length;
  const load =
    machine.loadAverage === undefined ? "" : `, load average ${number(machine.loadAverage)} before it`;
  return [
    `The figures are of one run of ${at.slice(0, 10)}: ${machine.cpus} x ${machine.model}${load}, Node`,
    `${machine.node.slice(1)}, workerd ${versions.workerd}, nats-server ${server.version}.`,
    `It met ${met} of ${judged.length} targets.`,
  ].join("\n");
}

function missed({ targets }: BenchResult): string {
  const rows = targets.filter(({ met }) => met === false);
  if (rows.length === 0) return "It missed none.";
  return table(
    ["missed", "Sluice", "beside", "figure", "must reach"],
    rows.map(({ what, sluice, peer, got = "", target = "" }) => [what.trim(), sluice, peer, got, target]),
  );
}

function growthTable(grown: readonly Grown[], name: string, show: (each: Grown) => string): string {
  return table(
    [name, "time", "CPU", "CPU per message", "memory", "requests, a million", "US$, a million"],
    grown.map((each) => [
      show(each),
      ms(each.wallMs),
      ms(each.cpuMs),
      `${number((1_000 * each.cpuMs) / each.messages)} µs`,
      mib(each.memoryBytes),
      number(each.requests),
      dollars(each.dollars),
    ]),
  );
}

function tripsOf({ firstMessage, drain }: { firstMessage: number; drain: number }): string[] {
  return [String(firstMessage), String(drain)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

const count = ({ messages }: Grown): string => number(messages);
const bytesOf = ({ bytes }: Grown): string => number(bytes);
