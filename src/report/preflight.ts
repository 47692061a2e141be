// What will bite a drain before it does: a consumer's configuration held against what the drain is
// to do. Pure.
import { CONSUMER_RULES } from "./preflight-consumer.ts";
import { DEAD_LETTER_RULES } from "./preflight-dead-letter.ts";
import type { ConsumerConfigFacts, PreflightPlan } from "./preflight-facts.ts";
import { REQUEST_RULES } from "./preflight-request.ts";
import { edit, isBelow, judge, limited, quote, type Rule, show } from "./preflight-rule.ts";
import type { Finding } from "./report.ts";

export type { ConsumerConfigFacts, PreflightPlan, StorageFacts } from "./preflight-facts.ts";

/**
 * What is worth changing about a consumer: each with what it is, why it bites, and, where there is
 * one, the `nats` command that mends it. What is not known is not judged.
 *
 * @example
 * ```ts
 * preflight({ stream: "ORDERS", consumer: "billing", ackPolicy: "none" }, {}); // one finding: ack-policy
 * ```
 */
export function preflight(facts: ConsumerConfigFacts, plan: PreflightPlan): Finding[] {
  return judge(RULES, facts, plan);
}

const OLDEST_VERSION = "2.9.10";
/** No command of `nats` upgrades a server. Any user may run this one. */
const TELL_VERSION = "nats account info";

const RULES: Readonly<Record<string, Rule>> = {
  "ack-policy": (facts) =>
    differs(facts.ackPolicy, "explicit")
      ? {
          message:
            `The ack policy is "${facts.ackPolicy}": an ack of one message would settle ` +
            "others, or none. It cannot be changed: copy the consumer.",
          mend: copy(facts, "--ack explicit"),
        }
      : undefined,
  "push-consumer": (facts) =>
    facts.deliverSubject
      ? {
          message:
            "The consumer pushes: a drain cannot pull from it. It cannot be changed: copy the consumer.",
          mend: copy(facts, "--pull --ack explicit"),
        }
      : undefined,
  "max-deliver-unlimited": (facts, { deadLetter }) =>
    facts.maxDeliver !== undefined && !limited(facts.maxDeliver)
      ? {
          message: `Max deliver has no limit${withoutLimit(deadLetter)}`,
          mend: edit(facts, "--max-deliver 10"),
        }
      : undefined,
  "max-waiting": (facts, { drains = 1 }) =>
    limited(facts.maxWaiting) && isBelow(facts.maxWaiting, drains)
      ? {
          message:
            `Max waiting is ${facts.maxWaiting}, below ${drains} drains: the server refuses ` +
            "the pull of one more. It cannot be changed: make another consumer.",
          mend: another(facts, `--max-waiting ${Math.max(512, drains)}`),
        }
      : undefined,
  ...CONSUMER_RULES,
  ...REQUEST_RULES,
  ...DEAD_LETTER_RULES,
  "replay-original": (facts) =>
    facts.replayPolicy === "original"
      ? {
          message:
            "The replay policy is original: the server waits between messages as their " +
            "publisher did, while a drain's limit runs. It cannot be changed: copy the " +
            "consumer.",
          mend: copy(facts, "--replay instant"),
        }
      : undefined,
  sampling: (facts) =>
    facts.sampleFreq && !/^0*%?$/.test(facts.sampleFreq)
      ? {
          message:
            `The server publishes an event for ${facts.sampleFreq} % of the acks: traffic ` +
            "that nobody may need.",
          mend: edit(facts, "--sample 0"),
        }
      : undefined,
  "server-too-old": ({ serverVersion }) =>
    serverVersion !== undefined && isOlder(serverVersion, OLDEST_VERSION)
      ? {
          message:
            `nats-server is ${serverVersion}: Sluice is tested against ${OLDEST_VERSION} and later. ` +
            "Upgrade it; the command tells the version that answers.",
          mend: TELL_VERSION,
        }
      : undefined,
  "server-flaw": ({ serverVersion }) =>
    serverVersion !== undefined && flawsOf(serverVersion).length > 0
      ? {
          message:
            `nats-server ${serverVersion} has published flaws. ${flawsOf(serverVersion).join(" ")} ` +
            `Upgrade it to ${withoutFlaws(serverVersion)} or later; the command tells the version that ` +
            "answers.",
          mend: TELL_VERSION,
        }
      : undefined,
};

/** What it means that the server counts no delivery as the last. */
function withoutLimit(deadLetter: PreflightPlan["deadLetter"]): string {
  if (deadLetter === undefined)
    return " and there is no dead letter: a message that always fails comes back for ever.";
  if (deadLetter.maxDeliveries === undefined)
    return ", and so has the dead letter: a message that always fails becomes none, and comes back for ever.";
  return (
    ": a message that must stay in its stream, as one that its dead letter only points at, waits for a " +
    "year, and counts against max ack pending."
  );
}

function differs(value: string | undefined, wanted: string): boolean {
  return value !== undefined && value !== wanted;
}

function isOlder(version: string, than: string): boolean {
  const parts = (text: string): number[] => (/^\d+\.\d+\.\d+/.exec(text)?.[0] ?? "").split(".").map(Number);
  const [one, other] = [parts(version), parts(than)];
  const at = one.findIndex((part, index) => part !== other[index]);
  return at >= 0 && (one[at] ?? 0) < (other[at] ?? 0);
}

/** Published flaws that meet a drain, and the first release of each minor version without. */
const FLAWS: readonly { readonly what: string; readonly mended: readonly string[] }[] = [
  {
    what:
      "A pull request whose drain is gone uses up a delivery that nobody gets, and has the last " +
      "message delivered again (nats-server #5305, #5338).",
    mended: ["2.10.15"],
  },
  {
    what: "Any account can manage the JetStream assets of another (CVE-2025-30215).",
    mended: ["2.10.27", "2.11.1"],
  },
  {
    what: "Anybody who reaches its WebSocket listener can end it (CVE-2026-27889).",
    mended: ["2.11.14", "2.12.5"],
  },
  {
    what: "Anybody who reaches its WebSocket listener can use up its memory (CVE-2026-33219).",
    mended: ["2.11.15", "2.12.6"],
  },
];

function flawsOf(version: string): readonly string[] {
  return FLAWS.filter(({ mended }) => isFlawed(version, mended)).map(({ what }) => what);
}

/** A minor version without a release that mends it never got one, or has always been without the flaw. */
function isFlawed(version: string, mended: readonly string[]): boolean {
  const minor = (text: string): string => text.split(".").slice(0, 2).join(".");
  const own = mended.find((each) => minor(each) === minor(version));
  return isOlder(version, own ?? mended[0] ?? version);
}

/** The first release after `version` that has none of them. */
function withoutFlaws(version: string): string {
  const releases = FLAWS.flatMap(({ mended }) => mended);
  const clean = releases.filter((each) => isOlder(version, each) && flawsOf(each).length === 0);
  return clean.toSorted((one, other) => (isOlder(one, other) ? -1 : 1))[0] ?? "a later release";
}

function copy({ stream, consumer }: ConsumerConfigFacts, flags: string): string {
  return `nats consumer copy ${quote(stream)} ${quote(consumer)} ${quote(`${consumer}-2`)} ${flags}`;
}

/** A new consumer as this one is, where `nats consumer copy` leaves a flag out (max waiting, nats 0.5.1). */
function another(facts: ConsumerConfigFacts, flags: string): string {
  const { stream, consumer, ackWaitMs, maxDeliver = -1, maxAckPending, filterSubjects = [] } = facts;
  const kept = [
    ackWaitMs === undefined ? "" : ` --wait ${show(ackWaitMs)}`,
    ` --max-deliver=${maxDeliver}`,
    maxAckPending === undefined ? "" : ` --max-pending ${maxAckPending}`,
    ...filterSubjects.map((each) => ` --filter ${quote(each)}`),
  ].join("");
  const name = quote(`${consumer}-2`);
  return `nats consumer add ${quote(stream)} ${name} --pull --ack explicit${kept} ${flags} --defaults`;
}
