// What the examples use of Deno's own globals; the whole of its types does not go with Node's.
declare namespace Deno {
  const env: { get(name: string): string | undefined };
  function serve(handler: (request: Request) => Response | Promise<Response>): unknown;
  function cron(
    name: string,
    schedule: string,
    options: { readonly backoffSchedule: number[] },
    handler: () => Promise<void>,
  ): Promise<void>;
}
