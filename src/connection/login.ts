// How a drain reaches its servers, and proves who it is.
import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  nkeyAuthenticator,
} from "@nats-io/nats-core";

/** One address of nats-server's WebSocket listener, or several to try in turn: `wss://host[:port][/path]`. */
export type Servers = string | readonly string[];

/**
 * How the drain proves who it is: a token, a user and password, the text of a `.creds` file, an nkey seed (`SU…`), or an
 * authenticator of nats-core. The last three sign with pure-JS Ed25519: about 10 ms of CPU, 20 to 30 on a cold start.
 */
export type Auth =
  | { readonly token: string }
  | { readonly user: string; readonly password: string }
  | { readonly creds: string }
  | { readonly nkeySeed: string }
  | Authenticator;

type AuthOptions = Pick<ConnectionOptions, "token" | "user" | "pass" | "authenticator">;

/** The same as nats-core takes it. */
export function authOptions(auth: Auth | undefined): AuthOptions {
  if (auth === undefined) return {};
  if (typeof auth === "function") return { authenticator: auth };
  if ("token" in auth) return { token: auth.token };
  if ("user" in auth) return { user: auth.user, pass: auth.password };
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const authenticator: Authenticator =
    "creds" in auth ? credsAuthenticator(encode(auth.creds)) : nkeyAuthenticator(encode(auth.nkeySeed));
  return { authenticator };
}
