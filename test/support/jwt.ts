// Operator, account and user JWTs, and nkeys, for a real nats-server: credentials in every state a drain may meet them in.
import {
  createAccount,
  createOperator,
  createUser,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
  type KeyPair,
  type User,
  type ValidDates,
} from "@nats-io/jwt";
import { ADMIN_USER_CONFIG, DRAIN_PERMISSIONS } from "./nats.ts";

/** A server's operator mode, and `.creds` texts that it accepts or refuses. */
export interface JwtWorld {
  /** For `startTestServer`, as its `authorization`. */
  readonly authorization: string;
  /** The least-privilege drain user; over WebSocket only. */
  readonly good: string;
  /** As `good`, but it expired an hour ago. */
  readonly expired: string;
  /** As `good`, but the account has revoked it. */
  readonly revoked: string;
  /** As `good`, but of an account that the operator does not know. */
  readonly stranger: string;
  /** May do everything in the account. */
  readonly admin: string;
  /** As `good`, for whole seconds from now; then the server closes the connection. */
  shortLived(seconds: number): Promise<string>;
}

/** A server with an nkey user, and seeds that it accepts or refuses. */
export interface NkeyWorld {
  /** For `startTestServer`, as its `authorization`: the drain user with an nkey, and the admin with a password. */
  readonly authorization: string;
  /** The least-privilege drain user's seed, `SU…`. */
  readonly seed: string;
  /** A seed of nobody. */
  readonly wrongSeed: string;
}

// Everything without a limit is -1; a member left out counts as 0, which is nothing allowed.
const UNLIMITED = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
  disallow_bearer: false,
};
const UNLIMITED_JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

/** DRAIN_PERMISSIONS of nats.ts in a JWT's words. */
const DRAIN: Partial<User> = {
  pub: { allow: ["$JS.API.CONSUMER.MSG.NEXT.*.*", "$JS.API.CONSUMER.INFO.*.*", "$JS.ACK.>", "dlq.>"] },
  sub: { allow: ["_INBOX.>"] },
  allowed_connection_types: ["WEBSOCKET"],
};

/** Lets the process go on: a proxy, or a scripted server, must not stand still while much is signed in JavaScript. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

let world: Promise<JwtWorld> | undefined;

/** The process's one world: it takes half a second of a core, and ten tests of a run want it at the same time. */
export function jwtWorld(): Promise<JwtWorld> {
  world ??= makeJwtWorld();
  return world;
}

/** Makes an operator with a system account, which JetStream needs in operator mode, and an account with its users. */
async function makeJwtWorld(): Promise<JwtWorld> {
  const [operator, system, account, revoked] = [
    createOperator(),
    createAccount(),
    createAccount(),
    createUser(),
  ];
  const drainCreds = async (validity: ValidDates = {}): Promise<string> =>
    await creds("drain", createUser(), account, DRAIN, validity);
  const revokedCreds = await creds("drain", revoked, account, DRAIN);

  const signedBy = { signer: operator };
  await turn();
  const operatorJwt = await encodeOperator("test", operator, { system_account: system.getPublicKey() });
  await turn();
  const systemJwt = await encodeAccount("SYS", system, { limits: UNLIMITED }, signedBy);
  const claims = {
    limits: { ...UNLIMITED, ...UNLIMITED_JETSTREAM },
    // Every JWT of this user that was issued until then.
    revocations: { [revoked.getPublicKey()]: nowSeconds() },
  };
  await turn();
  const accountJwt = await encodeAccount("APP", account, claims, signedBy);
  return {
    authorization: `operator: ${operatorJwt}
      system_account: ${system.getPublicKey()}
      resolver: MEMORY
      resolver_preload: { ${system.getPublicKey()}: ${systemJwt}, ${account.getPublicKey()}: ${accountJwt} }`,
    good: await drainCreds(),
    expired: await drainCreds({ exp: nowSeconds() - 3_600 }),
    revoked: revokedCreds,
    stranger: await creds("drain", createUser(), createAccount(), DRAIN),
    admin: await creds("admin", createUser(), account, {}),
    shortLived: async (seconds) => await drainCreds({ exp: nowSeconds() + seconds }),
  };
}

/** Makes a drain user that proves itself with an nkey. */
export function makeNkeyWorld(): NkeyWorld {
  const keys = createUser();
  const user = `{ nkey: ${keys.getPublicKey()}, allowed_connection_types: [WEBSOCKET], permissions: ${DRAIN_PERMISSIONS} }`;
  return {
    authorization: `accounts { APP { jetstream: enabled, users: [ ${ADMIN_USER_CONFIG}, ${user} ] } }`,
    seed: seedOf(keys),
    wrongSeed: seedOf(createUser()),
  };
}

/** The text of a `.creds` file: a user's JWT, signed by its account, and its seed. */
async function creds(
  name: string,
  user: KeyPair,
  account: KeyPair,
  claims: Partial<User>,
  validity: ValidDates = {},
): Promise<string> {
  await turn();
  return new TextDecoder().decode(fmtCreds(await encodeUser(name, user, account, claims, validity), user));
}

function seedOf(keys: KeyPair): string {
  return new TextDecoder().decode(keys.getSeed());
}
