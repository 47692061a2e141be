// Queues consumers that each try one rule of Queues, run unchanged by a real Queues consumer in workerd and by a drain: what they
// do with the messages 1, 2 and 3, and what must become of each.
import type { QueueConsumer } from "../../src/handle/queue-handler.ts";

/** What becomes of a message: it is done, or delivered again after the default delay, or after so many seconds. */
export type Fate = "ack" | "retry" | number;

export interface QueueCase {
  readonly consumer: QueueConsumer<number>;
  readonly fates: readonly [Fate, Fate, Fate];
  /** The consumer ends with an error. */
  readonly fails?: true;
  /** What miniflare's broker delivers again where it is not what it should: it looks at no explicit ack, and at no `ackAll`. */
  readonly brokerRetries?: readonly number[];
}

const timeout = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** By name, which is also that of a queue and of a stream. */
export const QUEUE_CASES: Readonly<Record<string, QueueCase>> = {
  returns: { consumer: () => {}, fates: ["ack", "ack", "ack"] },
  throws: {
    consumer: () => {
      throw new Error("thrown");
    },
    fates: ["retry", "retry", "retry"],
    fails: true,
  },
  "acks-some-then-throws": {
    consumer: ({ messages: [first, second] }) => {
      first?.ack();
      second?.ack();
      throw new Error("thrown");
    },
    fates: ["ack", "ack", "retry"],
    fails: true,
    brokerRetries: [1, 2, 3],
  },
  "acks-each-then-throws": {
    consumer: ({ messages }) => {
      for (const message of messages) message.ack();
      throw new Error("thrown");
    },
    fates: ["ack", "ack", "ack"],
    fails: true,
    brokerRetries: [1, 2, 3],
  },
  "retries-some-then-returns": {
    consumer: ({ messages }) => messages[1]?.retry(),
    fates: ["ack", "retry", "ack"],
  },
  "retries-with-a-delay-then-throws": {
    consumer: ({ messages }) => {
      messages[0]?.retry({ delaySeconds: 1 });
      throw new Error("thrown");
    },
    fates: [1, "retry", "retry"],
    fails: true,
  },
  "ack-then-retry": {
    consumer: ({ messages: [first] }) => {
      first?.ack();
      first?.retry();
    },
    fates: ["ack", "ack", "ack"],
  },
  "retry-then-ack": {
    consumer: ({ messages: [first] }) => {
      first?.retry();
      first?.ack();
    },
    fates: ["retry", "ack", "ack"],
  },
  "ack-all-then-retry": {
    consumer: (batch) => {
      batch.ackAll();
      batch.messages[0]?.retry();
    },
    fates: ["ack", "ack", "ack"],
  },
  "retry-all-then-ack": {
    consumer: (batch) => {
      batch.retryAll();
      batch.messages[0]?.ack();
    },
    fates: ["retry", "retry", "retry"],
  },
  "ack-then-retry-all": {
    consumer: (batch) => {
      batch.messages[0]?.ack();
      batch.retryAll();
    },
    fates: ["ack", "retry", "retry"],
    brokerRetries: [1, 2, 3],
  },
  "retry-then-ack-all": {
    consumer: (batch) => {
      batch.messages[0]?.retry();
      batch.ackAll();
    },
    fates: ["retry", "ack", "ack"],
  },
  "ack-all-then-retry-all": {
    consumer: (batch) => {
      batch.ackAll();
      batch.retryAll();
    },
    fates: ["ack", "ack", "ack"],
  },
  "retry-all-then-ack-all": {
    consumer: (batch) => {
      batch.retryAll();
      batch.ackAll();
    },
    fates: ["retry", "retry", "retry"],
  },
  "ack-all-then-throws": {
    consumer: (batch) => {
      batch.ackAll();
      throw new Error("thrown");
    },
    fates: ["ack", "ack", "ack"],
    fails: true,
    brokerRetries: [1, 2, 3],
  },
  "retries-with-a-delay": {
    consumer: ({ messages }) => messages[0]?.retry({ delaySeconds: 1 }),
    fates: [1, "ack", "ack"],
  },
  "retries-all-with-delays": {
    consumer: (batch) => {
      batch.messages[0]?.retry({ delaySeconds: 0 });
      batch.messages[1]?.retry();
      batch.retryAll({ delaySeconds: 1 });
    },
    fates: [0, 1, 1],
  },
  "changes-a-delay": {
    consumer: (batch) => {
      for (const delaySeconds of [40, 1]) batch.messages[0]?.retry({ delaySeconds });
      batch.messages[1]?.retry({ delaySeconds: 40 });
      batch.messages[1]?.retry();
    },
    fates: [1, "retry", "ack"],
  },
  "changes-the-delay-of-all": {
    consumer: (batch) => {
      for (const delaySeconds of [40, 1, undefined]) batch.retryAll({ delaySeconds });
    },
    fates: [1, 1, 1],
  },
  "gives-odd-delays": {
    consumer: ({ messages: [first, second, third] }) => {
      first?.retry({ delaySeconds: 1.9 });
      second?.retry({ delaySeconds: Number.NaN });
      third?.retry({ delaySeconds: Number.POSITIVE_INFINITY });
    },
    fates: [1, 0, 0],
  },
  "awaits-then-returns": {
    consumer: async ({ messages }) => {
      await timeout(10);
      messages[2]?.retry();
    },
    fates: ["ack", "ack", "retry"],
  },
  "awaits-then-throws": {
    consumer: async ({ messages }) => {
      await timeout(10);
      messages[0]?.retry();
      throw new Error("thrown");
    },
    fates: ["retry", "retry", "retry"],
    fails: true,
  },
  "waits-until-a-retry": {
    consumer: ({ messages }, _env, context) => {
      context.waitUntil(timeout(10).then(() => messages[0]?.retry()));
    },
    fates: ["retry", "ack", "ack"],
  },
  "waits-until-work-that-waits": {
    consumer: ({ messages }, _env, context) => {
      const more = (): void => context.waitUntil(timeout(10).then(() => messages[1]?.retry()));
      context.waitUntil(timeout(10).then(more));
    },
    fates: ["ack", "retry", "ack"],
  },
  "waits-until-a-rejection": {
    consumer: ({ messages }, _env, context) => {
      messages[0]?.ack();
      context.waitUntil(timeout(10).then(() => Promise.reject(new Error("thrown"))));
    },
    fates: ["ack", "retry", "retry"],
    fails: true,
    brokerRetries: [1, 2, 3],
  },
  "throws-with-work-to-wait-for": {
    consumer: ({ messages }, _env, context) => {
      context.waitUntil(timeout(10).then(() => messages[1]?.ack()));
      throw new Error("thrown");
    },
    fates: ["retry", "ack", "retry"],
    fails: true,
    brokerRetries: [1, 2, 3],
  },
  "passes-through-on-exception": {
    consumer: (_batch, _env, context) => {
      context.passThroughOnException();
      throw new Error("thrown");
    },
    fates: ["retry", "retry", "retry"],
    fails: true,
  },
  "forgets-to-await": {
    consumer: ({ messages }) => {
      const handle = async (message: (typeof messages)[number]): Promise<void> => {
        for (let turn = 0; turn < 20; turn += 1) await undefined;
        if (message.body > 1) message.retry();
      };
      for (const message of messages) void handle(message);
    },
    fates: ["ack", "retry", "retry"],
  },
  "calls-after-its-end": {
    consumer: (batch) => {
      setTimeout(() => {
        batch.messages[0]?.retry();
        batch.retryAll();
      }, 30);
    },
    fates: ["ack", "ack", "ack"],
  },
};
