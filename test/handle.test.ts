// Handlers run in order, so many at a time; what is stopped settles once, and never again.
import type { Msg } from "@nats-io/nats-core";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { BatchPool } from "../src/handle/batch-pool.ts";
import type { Handler, HandlerEnd } from "../src/handle/handler.ts";
import { HandlerPool, type HandlerPoolOptions } from "../src/handle/handler-pool.ts";
import type { Message } from "../src/message/message.ts";
import { ack, reject, retry } from "../src/settle/settlement.ts";
import type { Settled } from "../src/settle/settler.ts";

/** A delivery whose subject is its name. */
const msg = (name: string): Msg =>
  ({ subject: name, reply: "$JS.ACK.S.C.1.1.1.1763835600123456789.0", data: new Uint8Array() }) as Msg; // all that is read

/** A pool that writes down what became of each message, in order. */
function startPool(
  handler: Handler<unknown, unknown>,
  options: Partial<Pick<HandlerPoolOptions<unknown>, "concurrency" | "settle" | "isLast" | "orderBy">> = {},
) {
  const log: string[] = [];
  const say = (handled: HandlerEnd): string =>
    handled.kind === "returned" ? handled.settlement.kind : handled.kind;
  const parts: HandlerPoolOptions<unknown> = {
    handler,
    context: {
      env: undefined,
      signal: new AbortController().signal,
      deadline: 0,
      publish: () => Promise.reject(new Error("nothing is published here")),
      headers: {},
    },
    concurrency: 1,
    deadline: Number.POSITIVE_INFINITY,
    observer: undefined,
    isLast: () => false,
    failuresLeft: () => Number.POSITIVE_INFINITY,
    late: () => {},
    progressed: () => {},
    turns: () => 0,
    handlerTimeoutMs: undefined,
    readValue: undefined,
    orderBy: undefined,
    settle: ({ subject }, _message, handled) => {
      log.push(`${subject} ${say(handled)}`);
      return { as: "acked" };
    },
    ...options,
  };
  const pool = new HandlerPool(parts);
  const push = (...names: string[]): void => {
    for (const name of names) pool.push(msg(name));
  };
  const held = (): string[] => pool.held().map(({ subject }) => subject);
  return { pool, log, push, held, parts };
}

/** Lets everything that follows from what was done happen. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Handlers that end when the test says so. */
function handledByHand() {
  const started: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<void>>();
  const handler: Handler<unknown, unknown> = ({ subject }) => {
    started.push(subject);
    const end = Promise.withResolvers<void>();
    ends.set(subject, end);
    return end.promise;
  };
  const finish = async (subject: string, error?: Error): Promise<void> => {
    if (error) ends.get(subject)?.reject(error);
    else ends.get(subject)?.resolve();
    await turn();
  };
  return { handler, started, finish };
}

describe("a handler", () => {
  const table: [result: string, handler: Handler<unknown, unknown>, settled: string][] = [
    ["returns nothing", () => {}, "m ack"],
    ["returns ack()", () => ack(), "m ack"],
    ["returns retry()", () => retry(), "m retry"],
    ["returns reject()", () => reject("why"), "m reject"],
    ["throws", () => JSON.parse("{"), "m threw"],
    ["promises nothing", async () => {}, "m ack"],
    ["promises retry()", async () => retry(), "m retry"],
    ["rejects", () => Promise.reject(new Error("no")), "m threw"],
    [
      "returns something else, as Array.push does",
      (() => 7) as unknown as Handler<unknown, unknown>,
      "m ack",
    ], // as JavaScript may
  ];
  it.each(table)("that %s settles its message", async (_result, handler, settled) => {
    const { pool, log, push } = startPool(handler);
    push("m");
    await pool.idle();
    expect(log).toEqual([settled]);
  });

  it("that returns no promise is done when push returns, whatever its concurrency", () => {
    const { log, push } = startPool(() => {});
    push("a", "b");
    expect(log).toEqual(["a ack", "b ack"]);
  });

  it("sees the message and the drain's context, and its error reaches the settling", async () => {
    const seen: unknown[] = [];
    const error = new Error("no");
    const { pool } = startPool(
      (message, context) => {
        seen.push(message.subject, context.deadline);
        throw error;
      },
      {
        settle: (_msg, message, handled) => {
          seen.push(message.subject, handled);
          return { as: "acked" };
        },
      },
    );
    pool.push(msg("m"));
    expect(seen).toEqual(["m", 0, "m", { kind: "threw", error }]);
  });
});

describe("a pool", () => {
  it("keeps the order of arrival at concurrency 1", async () => {
    const { handler, started, finish } = handledByHand();
    const { log, push } = startPool(handler);
    push("a", "b", "c");
    expect(started).toEqual(["a"]);
    await finish("a");
    await finish("b", new Error("no"));
    await finish("c");
    expect(started).toEqual(["a", "b", "c"]);
    expect(log).toEqual(["a ack", "b threw", "c ack"]);
  });

  it.each([1, 2, 7, 50])("runs as many handlers as allowed, %i, and never more", async (concurrency) => {
    let running = 0;
    let most = 0;
    const { pool, log, push } = startPool(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await turn();
        running -= 1;
      },
      { concurrency },
    );
    push(...Array.from({ length: 60 }, (_, index) => `m${index}`));
    await pool.idle();
    expect(most).toBe(concurrency);
    expect(log).toHaveLength(60);
  });

  it("starts the next message when any handler ends, not only the first", async () => {
    const { handler, started, finish } = handledByHand();
    const { push } = startPool(handler, { concurrency: 2 });
    push("a", "b", "c");
    await finish("b");
    expect(started).toEqual(["a", "b", "c"]);
  });

  it("is idle at once when nothing was pushed, and otherwise when the last message is settled", async () => {
    const { handler, finish } = handledByHand();
    const { pool, push } = startPool(handler);
    await pool.idle();
    push("a");
    const idle = vi.fn();
    void pool.idle().then(idle);
    push("b");
    await finish("a");
    expect(idle).not.toHaveBeenCalled();
    await finish("b");
    expect(idle).toHaveBeenCalled();
    expect(pool.fetched).toBe(2);
  });

  it("tells everybody who waits for it to be idle", async () => {
    const { handler, finish } = handledByHand();
    const { pool, push } = startPool(handler);
    push("a");
    const told = [0, 1, 2].map(() => {
      const idle = vi.fn();
      void pool.idle().then(idle);
      return idle;
    });
    await finish("a");
    for (const idle of told) expect(idle).toHaveBeenCalledOnce();
  });

  it("holds what is queued and what runs, and nothing that is settled", async () => {
    const { handler, finish } = handledByHand();
    const { push, held } = startPool(handler, { concurrency: 2 });
    push("a", "b", "c", "d");
    expect(held()).toEqual(["a", "b", "c", "d"]);
    await finish("a");
    expect(held().sort()).toEqual(["b", "c", "d"]);
  });

  it.each([
    ["a promise", async () => {}],
    ["none", () => {}],
  ])("keeps a message's place until it is settled, whose handler returned %s", async (_what, end) => {
    const settling = Promise.withResolvers<Settled>();
    const started: string[] = [];
    const handler: Handler<unknown, unknown> = ({ subject }) => {
      started.push(subject);
      return end();
    };
    const { pool, push, held } = startPool(handler, { settle: () => settling.promise });
    push("a", "b");
    await turn();
    expect(started).toEqual(["a"]);
    expect(held()).toEqual(["a", "b"]);
    settling.resolve({ as: "acked" });
    await pool.idle();
    expect(started).toEqual(["a", "b"]);
    expect(held()).toEqual([]);
  });
});

it("a batch that is whole while another runs is held, handled behind it, and waited for", async () => {
  const { parts, log } = startPool(() => {});
  const { started, handler, finish } = handledByHand();
  const batchHandler = (messages: readonly Message<unknown>[]): void | Promise<void> =>
    handler(messages[0] as Message<unknown>, parts.context) as Promise<void>; // as the helper makes it
  const pool = new BatchPool({ ...parts, batchHandler });
  for (const name of ["a", "b", "c"]) {
    pool.push(msg(name));
    if (name !== "b") pool.endBatch();
    await turn();
  }
  const idle = vi.fn();
  void pool.idle().then(idle);
  expect([started, pool.held().map(({ subject }) => subject)]).toEqual([["a"], ["a", "b", "c"]]);
  await finish("a");
  expect([started, idle.mock.calls, log]).toEqual([["a", "b"], [], ["a ack"]]);
  await finish("b");
  expect(log).toEqual(["a ack", "b ack", "c ack"]);
  expect(idle).toHaveBeenCalledOnce();
});

describe("stopping a pool", () => {
  it("releases the queue and gives up what runs, which cannot settle later", async () => {
    const { handler, started, finish } = handledByHand();
    const { pool, log, push, held } = startPool(handler, { concurrency: 2 });
    push("a", "b", "c", "d");
    const idle = pool.idle();
    expect(await pool.stop("cut")).toBe(true);
    await idle;
    // What runs goes back first, and what waits behind it after it.
    expect(log).toEqual(["a cut", "b cut", "c released", "d released"]);
    expect(held()).toEqual([]);
    await finish("a");
    await finish("b", new Error("too late"));
    expect(log).toHaveLength(4);
    expect(started).toEqual(["a", "b"]);
  });

  const KEYED = { orderBy: () => "key", isLast: () => true };

  it("gives back what waits for its key at its last delivery, too", async () => {
    const { pool, log, push, held } = startPool(handledByHand().handler, KEYED);
    push("a", "b", "c", "d");
    expect(await pool.stop("cut")).toBe(true);
    expect(log).toEqual(["a cut", "b released", "c released", "d released"]);
    expect(held()).toEqual([]);
  });

  it.each(["cut", "finish"] as const)(
    "by %s waits for what is settled only when another of its key is",
    async (how) => {
      const settled: string[] = [];
      const settle: HandlerPoolOptions<unknown>["settle"] = async ({ subject }): Promise<Settled> => {
        await turn();
        settled.push(subject);
        return { as: "deadLettered" };
      };
      const { pool, push, held } = startPool(() => reject("no"), { ...KEYED, settle });
      push("a", "b", "c", "d");
      await pool.stop(how);
      expect([settled, held()]).toEqual([["a", "b", "c", "d"], []]);
    },
  );

  it("releases what is pushed afterwards, and starts no handler for it", async () => {
    const { handler, started } = handledByHand();
    const { pool, log, push } = startPool(handler);
    await pool.stop("cut");
    push("late");
    expect(log).toEqual(["late released"]);
    expect(started).toEqual([]);
  });

  it("by a handler itself gives that one up too, and its rejection later is nobody's", async () => {
    const unheard = vi.fn();
    process.on("unhandledRejection", unheard);
    onTestFinished(() => void process.off("unhandledRejection", unheard));
    const { pool, log, push } = startPool(async () => {
      void pool.stop("cut");
      throw new Error("stopped");
    });
    push("a");
    await turn();
    expect(log).toEqual(["a cut"]);
    expect(unheard).not.toHaveBeenCalled();
  });

  it("cuts nothing short when all is done", async () => {
    const { pool, push } = startPool(() => {});
    push("a");
    expect(await pool.stop("cut")).toBe(false);
  });

  it.each([
    ["was being settled already", true],
    ["it gives up now", false],
  ])("waits for the settling of what %s", async (_what, before) => {
    const settling = Promise.withResolvers<Settled>();
    const settled: string[] = [];
    const { handler, finish } = handledByHand();
    const { pool, push } = startPool(handler, {
      settle: (_msg, _message, { kind }) => {
        settled.push(kind);
        return settling.promise;
      },
    });
    push("a");
    if (before) await finish("a");
    const stopped = vi.fn();
    void pool.stop("cut").then(stopped);
    await finish("a");
    expect(stopped).not.toHaveBeenCalled();
    settling.resolve({ as: "acked" });
    await turn();
    expect(stopped).toHaveBeenCalledWith(!before);
    expect(settled).toEqual([before ? "returned" : "cut"]);
  });
});
