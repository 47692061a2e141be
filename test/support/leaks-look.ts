// What every runtime's set-up shares: each console line, each answer, each report and each option's error is looked through
// for the secrets and the bodies that the tests use. A test during which one of them was told fails.
import { afterEach, expect } from "vitest";

/** Passwords, tokens and nkey seeds, and the bodies that test/support/nats.ts publishes where a test gives none. Not what workerd says of a queue, nor redrive. */
const SECRET = /drain-pw|admin-pw|hunter2|s3cret|\bSU[A-Z2-7]{56}\b|(?<!\bon )\bmessage \d+\b(?! is skipped)/;

const leaks: string[] = [];

/** Remembers what is told there, if it is a secret. */
export function look(place: string, told: unknown): void {
  const text = typeof told === "string" ? told : (JSON.stringify(told) ?? String(told));
  const [secret] = SECRET.exec(text) ?? [];
  if (secret !== undefined) leaks.push(`${place} tells ${secret}: ${text.slice(0, 300)}`);
}

for (const method of ["debug", "log", "info", "warn", "error"] as const) {
  const write = console[method];
  console[method] = (...parts: unknown[]) => {
    look(
      `console.${method}`,
      parts
        .map((part) => (part instanceof Error ? part.stack : part))
        .map(String)
        .join(" "),
    );
    write(...parts);
  };
}

// Answers of the HTTP trigger and of the Worker are problem details or reports.
const { Response: Original } = globalThis;
globalThis.Response = new Proxy(Original, {
  construct(target, given, self) {
    const [body, init] = given as ConstructorParameters<typeof Response>;
    const type = new Headers(init?.headers).get("Content-Type") ?? "";
    if (type.startsWith("application/problem+json")) look("an answer", body);
    return Reflect.construct(target, given, self === globalThis.Response ? target : self);
  },
});

// Where config.ts has it called.
Object.assign(globalThis, { sluiceTold: look });

/** To be called by each file's set-up: files of one worker share this module, and no hooks. */
export function failOnLeaks(): void {
  afterEach(() => {
    const told = leaks.splice(0);
    expect(told, "secrets that were told").toEqual([]);
  });
}
