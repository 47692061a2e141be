// How a drain reaches its servers, and proves who it is.
import type { Authenticator } from "@nats-io/nats-core";

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
