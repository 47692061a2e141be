// What TypeScript infers of a drain, and what it refuses: `npm run check` compiles this, and that is the test. Run, it shows that
// the definitions are valid ones.
import type { Hono } from "hono";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import {
  type CloudEvent,
  type Drain,
  defineDrain,
  type Handler,
  type Outcome,
  REASONS,
  type Reason,
  type Report,
  retry,
} from "../src/index.ts";
import { drainRoutes } from "../src/triggers/hono.ts";

interface Env {
  readonly NATS_URL: string;
}

const BASE = { servers: "wss://nats.example.com", stream: "ORDERS", consumer: "billing" };
const schema = z.object({ total: z.coerce.number() });

describe("with no annotation, TypeScript infers", () => {
  test("the value from a schema, as the schema gives it out", () => {
    defineDrain({
      ...BASE,
      schema,
      handler: (message) => {
        expectTypeOf(message.value).toEqualTypeOf<{ total: number }>();
      },
    });
    defineDrain({
      ...BASE,
      schema,
      batchHandler: (messages) => {
        expectTypeOf(messages[0]?.value).toEqualTypeOf<{ total: number } | undefined>();
      },
    });
  });

  test("the value from a codec, and bytes without one", () => {
    defineDrain({
      ...BASE,
      handler: (message) => void expectTypeOf(message.value).toEqualTypeOf<Uint8Array>(),
    });
    defineDrain({
      ...BASE,
      codec: "text",
      handler: ({ value }) => void expectTypeOf(value).toEqualTypeOf<string>(),
    });
    defineDrain({
      ...BASE,
      codec: "json",
      handler: ({ value }) => void expectTypeOf(value).toEqualTypeOf<unknown>(),
    });
    defineDrain({
      ...BASE,
      codec: "cloudevents",
      handler: ({ value }) => void expectTypeOf(value).toEqualTypeOf<CloudEvent>(),
    });
  });

  test("the bindings of a route from its drain, and none where the options use none", () => {
    const plain = defineDrain({ ...BASE, handler: () => {} });
    expectTypeOf(drainRoutes(plain, { token: "secret" })).toEqualTypeOf<Hono<{ Bindings: object }>>();
    const bound = defineDrain((env: Env) => ({ ...BASE, servers: env.NATS_URL, handler: () => {} }));
    const routes = drainRoutes(bound, { token: (env) => env.NATS_URL });
    expectTypeOf(routes).toEqualTypeOf<Hono<{ Bindings: Env }>>();
  });

  test("env, from the function's parameter, in the handler and in run()", () => {
    const drain = defineDrain((env: Env) => ({
      ...BASE,
      servers: env.NATS_URL,
      schema,
      handler: (message, context) => {
        expectTypeOf(context.env).toEqualTypeOf<Env>();
        expectTypeOf(message.value.total).toEqualTypeOf<number>();
        return message.deliveryCount > 1 ? retry() : undefined;
      },
    }));
    expectTypeOf(drain).toEqualTypeOf<Drain<Env>>();
    // @ts-expect-error the drain's options need env
    const run = () => drain.run({ limitMs: 1_000 });
    expect(run).toBeTypeOf("function");
  });
});

describe("TypeScript refuses", () => {
  test("a handler that returns what is no settlement", () => {
    // @ts-expect-error a string settles nothing
    defineDrain({ ...BASE, handler: () => "acked" });
    // @ts-expect-error there is no such kind
    defineDrain({ ...BASE, handler: () => ({ kind: "later" }) });
  });

  test("a handler that returns what a publisher sent", () => {
    // @ts-expect-error the body may be anything, a settlement among others
    defineDrain({ ...BASE, handler: (message) => message.json() });
    // @ts-expect-error
    defineDrain({ ...BASE, handler: async (message) => message.json() });
    // @ts-expect-error
    defineDrain({ ...BASE, batchHandler: (messages) => messages.map((message) => message.json()) });
    // @ts-expect-error
    defineDrain({ ...BASE, codec: "json", handler: ({ value }) => value });
    defineDrain({
      ...BASE,
      handler: (message) => {
        expectTypeOf(message.json()).toEqualTypeOf<unknown>();
        expectTypeOf(message.json<{ total: number }>()).toEqualTypeOf<{ total: number }>();
        // @ts-expect-error nothing infers what it is
        const order: { total: number } = message.json();
        expect(order).toBeDefined();
      },
    });
  });

  test("both kinds of handler, and none", () => {
    // @ts-expect-error one or the other
    expect(() => defineDrain({ ...BASE, handler: () => {}, batchHandler: () => {} })).toThrow(/together/);
    // @ts-expect-error one of them
    expect(() => defineDrain({ ...BASE })).toThrow(/handler/);
  });

  test("a codec that does not exist, and options of the wrong type", () => {
    // @ts-expect-error no such codec
    expect(() => defineDrain({ ...BASE, codec: "xml", handler: () => {} })).toThrow(/codec/);
    // @ts-expect-error a number is asked for
    expect(() => defineDrain({ ...BASE, batch: "10", handler: () => {} })).toThrow(/batch/);
  });

  test("a run without a limit", () => {
    const drain = defineDrain({ ...BASE, handler: () => {} });
    // @ts-expect-error limitMs or remainingMs
    expect(() => drain.run({})).toBeTypeOf("function");
  });
});

describe("a report says", () => {
  type Count = "acked" | "retried" | "rejected" | "deadLettered" | "released" | "exhausted" | "unconfirmed";

  test("each of its counts as a number, which add up to what was fetched", () => {
    expectTypeOf<Report[Count | "fetched"]>().toEqualTypeOf<number>();
    expectTypeOf<Report["pending"]>().toEqualTypeOf<number | undefined>();
  });

  test("why it ended, in a union that a scheduler can be sure of", () => {
    expectTypeOf<"handlers-failing" | "unsupported-consumer" | "consumer-deleted">().toExtend<Reason>();
    expectTypeOf<Report["reason"]>().toEqualTypeOf<Reason>();
    expectTypeOf<Report["outcome"]>().toEqualTypeOf<Outcome>();
    expect(REASONS["handlers-failing"].outcome).toBe("retryable");
    expect(REASONS["unsupported-consumer"].outcome).toBe("fatal");
    // @ts-expect-error no drain ends so
    expect(REASONS["gave-up"]).toBeUndefined();
  });

  test("what is worth a look by a code and a sentence", () => {
    type Finding = Report["findings"][number];
    expectTypeOf<Finding["code"]>().toExtend<string>();
    expectTypeOf<Finding["message"]>().toEqualTypeOf<string>();
  });
});

test("a handler may be a fetch, whose Response settles the message", () => {
  const handler: Handler = ({ data }) =>
    fetch("https://orders.example.com", { method: "POST", body: data as Uint8Array<ArrayBuffer> });
  expectTypeOf(handler).toExtend<Handler>();
  defineDrain({ ...BASE, handler, stopAfterFailures: 5, prefetch: 0, pingIntervalMs: 20_000 });
});
