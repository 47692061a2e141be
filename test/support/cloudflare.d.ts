// What the tests and examples use of workerd's own modules; the whole of its types does not go with the DOM's.
declare module "cloudflare:workers" {
  /** The bindings of vitest.config.ts. */
  export const env: { readonly NATS: { fetch(input: string, init?: RequestInit): Promise<Response> } };

  export const tracing: {
    enterSpan<T>(name: string, callback: (span: { setAttribute(key: string, value: unknown): void }) => T): T;
  };

  export abstract class WorkerEntrypoint<Env> {
    protected readonly env: Env;
  }

  export abstract class DurableObject<Env> {
    protected readonly env: Env;
    protected readonly ctx: { readonly storage: { setAlarm(at: number): Promise<void> } };
  }

  export interface WorkflowEvent<Payload> {
    readonly payload: Payload;
  }

  export interface WorkflowStep {
    do<T>(name: string, config: { readonly retries: object }, callback: () => Promise<T>): Promise<T>;
  }

  export abstract class WorkflowEntrypoint<Env> {
    protected readonly env: Env;
    abstract run(event: WorkflowEvent<unknown>, step: WorkflowStep): Promise<void>;
  }
}

declare module "cloudflare:workflows" {
  export class NonRetryableError extends Error {}
}
