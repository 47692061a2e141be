// Signs in as nats-core asks: with WebCrypto's Ed25519, in place of nats-core's own in JavaScript,
// which takes 8 to 29 ms of CPU. WebCrypto answers later and nats-core asks at once, so the
// signature is made before nats-core sees the nonce.
import {
  type ConnectionOptions,
  jwtAuthenticator,
  nkeyAuthenticator,
  type Auth as SignedAnswer,
} from "@nats-io/nats-core";
import { concatenate, type ServerInfo } from "./handshake.ts";
import { type Auth, readCreds } from "./login.ts";
import { readSeed, showPublicKey } from "./nkey.ts";
import { encode } from "./wire.ts";

export interface SignIn {
  readonly options: Pick<ConnectionOptions, "token" | "user" | "pass" | "authenticator">;
  /** To be called with the server's INFO and waited for before nats-core sees it. Never rejects. */
  readonly prepare?: (info: ServerInfo) => Promise<void>;
}

/** What a sign-in needs, for one connection. The credentials were checked. */
export function signIn(auth: Auth | undefined): SignIn {
  if (auth === undefined) return { options: {} };
  if (typeof auth === "function") return { options: { authenticator: auth } };
  if ("token" in auth) return { options: { token: auth.token } };
  if ("user" in auth) return { options: { user: auth.user, pass: auth.password } };
  if ("nkeySeed" in auth) return signing(auth.nkeySeed.trim());
  const { jwt = "", seed = "" } = readCreds(auth.creds);
  return signing(seed, jwt);
}

function signing(seed: string, jwt?: string): SignIn {
  let answer: SignedAnswer | undefined;
  // Where the runtime has no Ed25519, and for a seed that readSeed() refuses, with nats-core's error.
  const text = encode(seed);
  const inJavaScript = jwt === undefined ? nkeyAuthenticator(text) : jwtAuthenticator(jwt, text);
  return {
    options: { authenticator: (nonce) => answer ?? inJavaScript(nonce) },
    prepare: async ({ nonce }) => {
      if (typeof nonce === "string") answer = await sign(seed, nonce, jwt).catch(() => undefined);
    },
  };
}

/** An Ed25519 key in PKCS #8, up to its 32 bytes (RFC 8410, section 7). */
const PKCS8_HEAD = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32);

/** A JWT names its key itself; for an nkey alone, the server must be told which one signed. */
async function sign(seed: string, nonce: string, jwt: string | undefined): Promise<SignedAnswer | undefined> {
  const raw = readSeed(seed);
  if (!raw) return undefined;
  const { subtle } = crypto;
  const key = await subtle.importKey("pkcs8", concatenate([PKCS8_HEAD, raw]), "Ed25519", jwt === undefined, [
    "sign",
  ]);
  const signed = new Uint8Array(await subtle.sign("Ed25519", key, encode(nonce)));
  const sig = btoa(String.fromCharCode(...signed));
  if (jwt !== undefined) return { jwt, nkey: "", sig };
  const { x = "" } = (await subtle.exportKey("jwk", key)) as { x?: string }; // RFC 8037: the public key
  const publicKey = atob(x.replaceAll("-", "+").replaceAll("_", "/"));
  return { nkey: showPublicKey(Uint8Array.from(publicKey, (letter) => letter.charCodeAt(0))), sig };
}
