// The throw shape on the real SDKs of engines that retry by themselves: which error each knows as final, and how long it waits.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, vi } from "vitest";
import { labStatusPeer } from "../support/lab-client.ts";
import { givenOrders, NATS_TOKEN } from "../support/orders.ts";
import { type Parts, packages, projectOf } from "../support/parts.ts";
import { typeErrors } from "../support/type-check.ts";

const durable = await packages(
  "@aws/durable-execution-sdk-js-testing@1.1.4",
  "@aws/durable-execution-sdk-js@2.4.0",
);
const temporal = await packages("@temporalio/common@1.24.0", "@temporalio/workflow@1.24.0");
const inngest = await packages("inngest@4.24.0");
const trigger = await packages("@trigger.dev/sdk@4.8.3");

describe.each([
  { example: "lambda-durable", parts: durable },
  { example: "temporal", parts: temporal },
  { example: "inngest", parts: inngest },
  { example: "trigger-dev", parts: trigger },
])("the example $example", ({ example, parts }) => {
  parts.test("is right by its platform's own types", async () => {
    expect(await typeErrors(example, parts)).toBe("");
  });
});

/** A module of the parts. */
async function partOf<T>({ folder = "" }: Parts, path: string): Promise<T> {
  return (await import(pathToFileURL(join(folder, "node_modules", path)).href)) as T;
}

/** A module of an example, with a server that its drain meets: one with orders, or one that answers with a status. */
async function given<T>(parts: Parts, path: string, server: "orders" | 401 | 503): Promise<T> {
  const url =
    server === "orders" ? (await givenOrders()).login.NATS_URL : (await labStatusPeer(server)).wsUrl;
  vi.stubEnv("NATS_URL", url);
  vi.stubEnv("NATS_TOKEN", NATS_TOKEN);
  const [example = "", file = ""] = path.split("/");
  return (await (await projectOf(example, parts)).load(file)) as T;
}

describe("Lambda durable functions", () => {
  interface Testing {
    LocalDurableTestRunner: {
      new (options: {
        handlerFunction: unknown;
      }): {
        run(options: { payload: unknown }): Promise<{
          getStatus(): string;
          getOperations(): { getName(): string; getStepDetails(): { attempt?: number } | undefined }[];
        }>;
      };
      setupTestEnvironment(options: { skipTime: boolean }): Promise<void>;
      teardownTestEnvironment(): Promise<void>;
    };
  }

  durable.test.each([
    ["orders", "SUCCEEDED", 1],
    [503, "FAILED", 4],
    [401, "FAILED", 1],
  ] as const)(
    "where the server answers %s the execution has %s after %i attempts",
    async (server, status, attempts) => {
      const { LocalDurableTestRunner } = await partOf<Testing>(
        durable,
        "@aws/durable-execution-sdk-js-testing/dist/index.mjs",
      );
      const { handler } = await given<{ handler: unknown }>(durable, "lambda-durable/index.mjs", server);
      await LocalDurableTestRunner.setupTestEnvironment({ skipTime: true });
      try {
        const execution = await new LocalDurableTestRunner({ handlerFunction: handler }).run({ payload: {} });
        expect(execution.getStatus()).toBe(status);
        const details = execution.getOperations().map((operation) => operation.getStepDetails()?.attempt);
        expect(details).toEqual([attempts]);
      } finally {
        await LocalDurableTestRunner.teardownTestEnvironment();
      }
    },
  );
});

describe("Temporal", () => {
  interface Activities {
    drainOrders(): Promise<unknown>;
  }

  temporal.test("an activity gives the report of a drain that completed", async () => {
    const { drainOrders } = await given<Activities>(temporal, "temporal/activities.mjs", "orders");
    expect(await drainOrders()).toMatchObject({ outcome: "completed", acked: 2 });
  });

  temporal.test.each([
    [503, { type: "DrainRetryableError", nonRetryable: false, nextRetryDelay: 5_000 }],
    [401, { type: "DrainFatalError", nonRetryable: true }],
  ] as const)("throws an ApplicationFailure where the server answers %i: %j", async (server, failure) => {
    const { ApplicationFailure } = await partOf<{ ApplicationFailure: new () => Error }>(
      temporal,
      "@temporalio/common/lib/index.js",
    );
    const { drainOrders } = await given<Activities>(temporal, "temporal/activities.mjs", server);
    const error = await drainOrders().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApplicationFailure);
    expect(error).toMatchObject(failure);
  });
});

describe("Inngest", () => {
  interface Example {
    readonly inngest: object;
    readonly drainOrders: object;
  }
  interface Edge {
    serve(options: object): (request: Request) => Promise<Response>;
  }

  /** One execution, as Inngest's own server asks for it, and what it reads from the answer. */
  async function execute(server: "orders" | 401 | 503) {
    vi.stubEnv("INNGEST_DEV", "1");
    const { inngest: client, drainOrders } = await given<Example>(inngest, "inngest/drain.mjs", server);
    const { serve } = await partOf<Edge>(inngest, "inngest/edge.js");
    const event = { name: "inngest/scheduled.timer", data: { cron: "* * * * *" }, id: "1", ts: Date.now() };
    const ctx = {
      run_id: "1",
      attempt: 0,
      disable_immediate_execution: false,
      use_api: false,
      stack: { stack: [], current: 0 },
    };
    const answer = await serve({ client, functions: [drainOrders] })(
      new Request("http://localhost/api/inngest?fnId=orders-drain-orders&stepId=step", {
        method: "POST",
        headers: { "Content-Type": "application/json", host: "localhost" },
        body: JSON.stringify({ event, events: [event], steps: {}, ctx, version: 1 }),
      }),
    );
    const { headers, status } = answer;
    const body = await answer.text();
    return {
      status,
      noRetry: headers.get("x-inngest-no-retry"),
      retryAfter: headers.get("Retry-After"),
      body,
    };
  }

  inngest.test("a function that drained answers with the report", async () => {
    const { status, body } = await execute("orders");
    expect([status, body]).toEqual([expect.any(Number), expect.stringContaining('"acked":2')]);
  });

  inngest.test("says when another try is worth it", async () => {
    expect(await execute(503)).toMatchObject({ status: 500, noRetry: "false", retryAfter: "5" });
  });

  inngest.test("says that none is, where only an operator can help", async () => {
    expect(await execute(401)).toMatchObject({ status: 400, noRetry: "true", retryAfter: null });
  });
});

describe("Trigger.dev", () => {
  interface Core {
    resourceCatalog: {
      setGlobalResourceCatalog(catalog: object): void;
      getTask(id: string): { fns: { run(payload: object, params: object): Promise<unknown> } } | undefined;
    };
    lifecycleHooks: {
      setGlobalLifecycleHooksManager(manager: object): void;
      getTaskCatchErrorHook(id: string): ((args: { error: unknown }) => unknown) | undefined;
    };
  }
  interface Workers {
    StandardResourceCatalog: new () => { setCurrentFileContext(file: string, entry: string): void };
    StandardLifecycleHooksManager: new () => object;
  }

  /** One run of the task as Trigger.dev's worker has registered it: the error that it throws, and what its hook makes of that. */
  async function runTask(server: 401 | 503) {
    const core = "@trigger.dev/core/dist/esm/v3";
    const { lifecycleHooks, resourceCatalog } = await partOf<Core>(trigger, `${core}/index.js`);
    const workers = await partOf<Workers>(trigger, `${core}/workers/index.js`);
    const catalog = new workers.StandardResourceCatalog();
    catalog.setCurrentFileContext("drain.ts", "drain");
    resourceCatalog.setGlobalResourceCatalog(catalog);
    lifecycleHooks.setGlobalLifecycleHooksManager(new workers.StandardLifecycleHooksManager());
    await given(trigger, "trigger-dev/drain.mjs", server);
    const error = await resourceCatalog
      .getTask("drain-orders")
      ?.fns.run({}, {})
      .catch((thrown: unknown) => thrown);
    return { error, caught: lifecycleHooks.getTaskCatchErrorHook("drain-orders")?.({ error }) };
  }

  trigger.test("a task that may be tried again says after how long", async () => {
    const { error, caught } = await runTask(503);
    expect(error).toMatchObject({ name: "DrainRetryableError" });
    expect(caught).toEqual({ retryDelayInMs: 5_000 });
  });

  trigger.test("a task throws AbortTaskRunError where only an operator can help", async () => {
    const { AbortTaskRunError } = await partOf<{ AbortTaskRunError: new () => Error }>(
      trigger,
      "@trigger.dev/sdk/dist/esm/v3/index.js",
    );
    const { error, caught } = await runTask(401);
    expect(error).toBeInstanceOf(AbortTaskRunError);
    expect(caught).toBeUndefined();
  });
});
