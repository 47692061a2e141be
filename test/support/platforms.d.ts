// What the examples use of platforms' own packages, which are too big to be dependencies. Tests of the matrix hold the
// examples against the real types (test/support/type-check.ts).
declare module "@aws/durable-execution-sdk-js" {
  export interface DurableContext {
    readonly lambdaContext: { getRemainingTimeInMillis(): number };
    step<T>(
      name: string,
      step: () => Promise<T>,
      config: {
        retryStrategy(error: Error, attempt: number): { shouldRetry: boolean; delay?: { seconds: number } };
      },
    ): Promise<T>;
  }
  export function withDurableExecution(
    handler: (event: unknown, context: DurableContext) => Promise<unknown>,
  ): (event: unknown, context: unknown) => Promise<unknown>;
}

declare module "@google-cloud/functions-framework" {
  import type { IncomingMessage, ServerResponse } from "node:http";
  export function http(
    name: string,
    handler: (request: IncomingMessage, response: ServerResponse) => unknown,
  ): void;
  export function cloudEvent(name: string, handler: (event: unknown) => unknown): void;
}

declare module "@temporalio/common" {
  export class ApplicationFailure extends Error {
    static create(options: {
      message: string;
      type: string;
      cause: Error;
      nonRetryable?: boolean;
      nextRetryDelay?: number;
    }): ApplicationFailure;
  }
}

declare module "@temporalio/workflow" {
  export function proxyActivities<T>(options: {
    startToCloseTimeout: string;
    retry: { maximumAttempts: number };
  }): T;
}

declare module "@trigger.dev/sdk" {
  export class AbortTaskRunError extends Error {}
  export const schedules: {
    task(options: {
      id: string;
      cron: string;
      queue: { concurrencyLimit: number };
      maxDuration: number;
      retry: { maxAttempts: number };
      run: () => Promise<unknown>;
      catchError: (args: { error: unknown }) => { retryDelayInMs: number } | undefined;
    }): unknown;
  };
}

declare module "inngest" {
  export class NonRetriableError extends Error {}
  export class RetryAfterError extends Error {
    constructor(message: string, retryAfter: number | string | Date);
  }
  export function cron(expression: string): object;
  export class Inngest {
    constructor(options: { id: string });
    createFunction(
      options: { id: string; triggers: object[]; retries: number; concurrency: number },
      handler: () => Promise<unknown>,
    ): unknown;
  }
}
