// What the tests inside workerd use of its own modules; the whole of its types does not go with the DOM's.
declare module "cloudflare:workers" {
  /** The bindings of vitest.config.ts. */
  export const env: { readonly NATS: { fetch(input: string, init?: RequestInit): Promise<Response> } };
}
