// Signing in as both contenders do it, the same code in every runtime: from the credentials' text, as a new invocation has it, and the
// server's nonce, to what CONNECT says.
import { credsAuthenticator, jwtAuthenticator, nkeyAuthenticator } from "@nats-io/nats-core";
import { signIn } from "../../src/connection/sign-in.ts";
import type { Auth } from "../../src/index.ts";

export const KINDS = ["nkey", "jwt", "creds"] as const;
export type Kind = (typeof KINDS)[number];
export type Signer = "sluice" | "natsjs";

export interface Credentials {
  readonly seed: string;
  readonly jwt: string;
  readonly creds: string;
}

export interface SignInJob extends Credentials {
  readonly signer: Signer;
  readonly kind: Kind;
  /** Before what is measured. */
  readonly warmUps: number;
  readonly times: number;
}

/** Of the length that nats-server's have. */
const NONCE = "Hh5PFXXLB8Hx4b0";

/** Signs in `times` times, one after the other. Rejects when there is no signature. */
export async function signInOften(job: SignInJob): Promise<void> {
  const sign = job.signer === "sluice" ? signWithSluice : signWithNatsjs;
  for (let time = 0; time < job.times; time += 1) {
    const answer = await sign(job);
    if (!("sig" in answer) || !answer.sig) throw new Error(`${job.signer} did not sign`);
  }
}

async function signWithSluice(job: SignInJob): Promise<object> {
  const { options, prepare } = signIn(authOf(job));
  await prepare?.({ nonce: NONCE });
  return typeof options.authenticator === "function" ? { ...options.authenticator(NONCE) } : {};
}

/** Sluice takes a JWT and its seed as the text of a `.creds` file. */
function authOf({ kind, seed, jwt, creds }: SignInJob): Auth {
  if (kind === "nkey") return { nkeySeed: seed };
  if (kind === "creds") return { creds };
  const part = (name: string, text: string): string =>
    `-----BEGIN ${name}-----\n${text}\n------END ${name}------\n`;
  return { creds: part("NATS USER JWT", jwt) + part("USER NKEY SEED", seed) };
}

async function signWithNatsjs({ kind, seed, jwt, creds }: SignInJob): Promise<object> {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const makers = {
    nkey: () => nkeyAuthenticator(bytes(seed)),
    jwt: () => jwtAuthenticator(jwt, bytes(seed)),
    creds: () => credsAuthenticator(bytes(creds)),
  };
  return { ...makers[kind]()(NONCE) };
}
