// What the scenarios share: one server a file, a stream of its own for each drain, and the sums of what drains report.
import { afterAll, beforeAll } from "vitest";
import { type DrainOptions, defineDrain, type Report } from "../../src/index.ts";
import { closeExhibit, type LabServer, openServer } from "../support/lab-client.ts";

type Options = Omit<DrainOptions, "servers" | "auth" | "stream" | "consumer">;

export interface Bed {
  readonly server: LabServer;
  readonly stream: string;
  readonly options: { readonly servers: string; readonly auth: { user: string; password: string } };
  /** Drains once. */
  drain(options: Options, limitMs?: number): Promise<Report>;
  /** Messages that the consumer has not settled for good. */
  left(): Promise<number>;
}

/** Opens the file's server; the function makes a stream with a consumer and so many messages. */
export function scenarioServer(): (
  count: number,
  consumer?: Record<string, unknown>,
  config?: Record<string, unknown>,
) => Promise<Bed> {
  let server: LabServer;
  let made = 0;
  beforeAll(async () => {
    server = await openServer();
  });
  afterAll(() => closeExhibit(server));
  return async (count, consumer = {}, config = {}) => {
    made += 1;
    const stream = `S${made}`;
    await server.createStream(stream, { storage: "memory" as never, ...config }); // the enum's own value, which JSON carries
    await server.createConsumer(stream, "worker", { ack_wait: 20_000 * 1e6, ...consumer });
    if (count > 0) await server.publish(`${stream}.event`, count);
    const options = { servers: server.wsUrl, auth: { user: "drain", password: "drain-pw" } };
    return {
      server,
      stream,
      options,
      drain: (own, limitMs = 4_000) => {
        const all = { ...options, stream, consumer: "worker", maxWaitMs: 900, ...own };
        return defineDrain(all as DrainOptions).run({ limitMs }); // whole again
      },
      left: async () => {
        const { pending, ackPending } = await server.consumerState(stream, "worker");
        return pending + ackPending;
      },
    };
  };
}

type Count = "fetched" | "acked" | "retried" | "released" | "deadLettered" | "exhausted" | "unconfirmed";

/** What all the reports together count as that. */
export function total(reports: readonly Report[], count: Count): number {
  return reports.reduce((all, report) => all + report[count], 0);
}

/** Dead letters that may have been stored, though no PubAck came: as the report's finding counts them. */
export function lettersInDoubt(report: Report): number {
  return countOf(report, "dead-letter-unconfirmed");
}

/** Deliveries of messages that were held already: likewise. */
export function repeats(report: Report): number {
  return countOf(report, "ack-wait-ended");
}

function countOf({ findings }: Report, finding: string): number {
  const told = findings.find(({ code }) => code === finding);
  return told ? Number(/^\d+/.exec(told.message)) : 0;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** All that a report counts. */
export function sum(report: Report): number {
  const { acked, retried, rejected, deadLettered, released, exhausted, unconfirmed } = report;
  return acked + retried + rejected + deadLettered + released + exhausted + unconfirmed;
}
