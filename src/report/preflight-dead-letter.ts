// Where dead letters go, held against what a drain needs of the stream that takes them. Pure.
import type { ConsumerConfigFacts, PreflightPlan, StorageFacts } from "./preflight-facts.ts";
import { isBelow, limited, quote, type Rule, show } from "./preflight-rule.ts";
import type { Finding } from "./report.ts";
import { takesIn } from "./subject.ts";

/** A weekend's dead letters are to be there on Monday; of those of less than a day nobody may hear. */
const MIN_AGE_MS = 24 * 3_600_000;

export const DEAD_LETTER_RULES: Readonly<Record<string, Rule>> = {
  "dead-letter-loop": (facts, { deadLetter }) =>
    deadLetter && comesBack(facts, deadLetter.subject)
      ? {
          message:
            `The consumer gets its own dead letters: "${deadLetter.subject}" is a subject ` +
            "of its stream, and its filter lets it through. Give dead letters a stream of their own, " +
            `and the drain the subject "${ownSubject(facts)}".`,
          mend: ownStream(facts),
        }
      : undefined,
  "dead-letter-in-work-queue": (facts, { deadLetter }) =>
    deadLetter &&
    facts.retention === "workqueue" &&
    isInStream(facts, deadLetter.subject) &&
    !isFiltered(facts, deadLetter.subject)
      ? {
          message:
            `Dead letters go to "${deadLetter.subject}" in the work queue itself: they ` +
            "count against its limits, and no consumer takes them out. Give them a stream of their own, " +
            `and the drain the subject "${ownSubject(facts)}".`,
          mend: ownStream(facts),
        }
      : undefined,
  "dead-letter-uncaptured": ({ deadLetterStream }, { deadLetter }) =>
    deadLetter && deadLetterStream === null
      ? {
          message:
            `No stream takes in "${deadLetter.subject}": no dead letter is ever confirmed, ` +
            "and what is rejected comes back.",
          mend: `nats stream add DEAD_LETTERS --subjects ${quote(deadLetter.subject)} --defaults`,
        }
      : undefined,
  "dead-letter-not-kept": storage(({ retention, consumers }) =>
    retention === "interest" && consumers === 0
      ? {
          message:
            "It keeps messages by interest and has no consumer: it confirms each dead letter, and " +
            "keeps none.",
          mend: "--retention limits",
        }
      : undefined,
  ),
  "dead-letter-unconfirmed": storage(({ noAck }) =>
    noAck
      ? {
          message: "It confirms nothing (no_ack): no dead letter is ever known to be stored.",
          mend: "--ack",
        }
      : undefined,
  ),
  "dead-letter-sealed": (facts, { deadLetter }) =>
    deadLetter && facts.deadLetterStorage?.sealed
      ? {
          message:
            `The stream of dead letters, "${facts.deadLetterStream}", is sealed: it takes none, and cannot ` +
            `be opened again. Give the drain another one, with the subject "${ownSubject(facts)}".`,
          mend: ownStream(facts),
        }
      : undefined,
  "dead-letter-limits": storage((kept, { batch, maxBytes }) => {
    if (kept.discard === "new") return undefined;
    const { maxMessages, maxMessagesPerSubject } = kept;
    const isSmall = (limit: number | undefined, most: number | undefined): boolean =>
      limited(limit) && isBelow(limit, most);
    const perSubject = isSmall(maxMessagesPerSubject, batch);
    if (!perSubject && !isSmall(maxMessages, batch) && !isSmall(kept.maxBytes, maxBytes)) return undefined;
    return {
      message:
        "It is smaller than what one drain may bring, and discards the oldest: one dead letter pushes out " +
        "another.",
      mend: perSubject ? "--max-msgs-per-subject=-1 --discard new" : "--discard new",
    };
  }),
  "dead-letter-expires": storage(({ maxAgeMs }) =>
    limited(maxAgeMs) && isBelow(maxAgeMs, MIN_AGE_MS)
      ? {
          message: `It keeps a dead letter for ${show(maxAgeMs)}: it may be gone before somebody sees it.`,
          mend: "--max-age 7d",
        }
      : undefined,
  ),
};

/** A rule about the stream of dead letters; its mend is what to edit there. */
function storage(
  judge: (kept: StorageFacts, plan: PreflightPlan) => Omit<Finding, "code"> | undefined,
): Rule {
  return ({ deadLetterStream: stream, deadLetterStorage: kept }, plan) => {
    const found = stream && kept && plan.deadLetter ? judge(kept, plan) : undefined;
    return (
      found && {
        message: `Dead letters go to the stream "${stream}". ${found.message}`,
        mend: `nats stream edit ${quote(stream ?? "")} ${found.mend} --force`,
      }
    );
  };
}

/** A subject for dead letters that is no other stream's, most likely. */
function ownSubject({ stream, consumer }: ConsumerConfigFacts): string {
  return `dlq.${stream}.${consumer}`;
}

function ownStream(facts: ConsumerConfigFacts): string {
  const name = quote(`${facts.stream}_DEAD_LETTERS`);
  return `nats stream add ${name} --subjects ${quote(ownSubject(facts))} --defaults`;
}

function isInStream({ streamSubjects = [] }: ConsumerConfigFacts, subject: string): boolean {
  return streamSubjects.some((each) => takesIn(each, subject));
}

/** Without a filter everything is let through. */
function isFiltered({ filterSubjects = [] }: ConsumerConfigFacts, subject: string): boolean {
  return filterSubjects.length === 0 || filterSubjects.some((each) => takesIn(each, subject));
}

/** Its filter lets the subject through, and its stream takes it in: what is filtered for is in the stream. */
function comesBack(facts: ConsumerConfigFacts, subject: string): boolean {
  const { streamSubjects, filterSubjects = [] } = facts;
  if (streamSubjects === undefined) return filterSubjects.some((each) => takesIn(each, subject));
  return isInStream(facts, subject) && isFiltered(facts, subject);
}
