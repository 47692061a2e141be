// What proves who a drain is, and where it may be sent: read as nats-core and nkeys read it, and signed by WebCrypto.
import { createUser, fmtCreds } from "@nats-io/jwt";
import { credsAuthenticator, nkeyAuthenticator } from "@nats-io/nats-core";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { checkAuth, insecureServers, readCreds } from "../../src/connection/login.ts";
import { readSeed, showPublicKey } from "../../src/connection/nkey.ts";
import { type SignIn, signIn } from "../../src/connection/sign-in.ts";

const NONCE = "3bJ9qNfJ2rGUTFA";
const JWT = "eyJ0eXAiOiJKV1QifQ.eyJuYW1lIjoiZHJhaW4ifQ.c2ln";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);

/** The answer to a nonce, as nats-core gets it. */
async function answer({ options, prepare }: SignIn, nonce = NONCE): Promise<unknown> {
  await prepare?.({ nonce });
  return options.authenticator instanceof Function ? options.authenticator(nonce) : undefined;
}

describe("signing in", () => {
  const user = createUser();
  const seed = text(user.getSeed());
  const creds = text(fmtCreds(JWT, user));

  it("signs with an nkey seed as nats-core does, by WebCrypto", async () => {
    const sign = vi.spyOn(crypto.subtle, "sign");
    onTestFinished(() => sign.mockRestore());
    expect(await answer(signIn({ nkeySeed: seed }))).toEqual(nkeyAuthenticator(bytes(seed))(NONCE));
    expect(sign).toHaveBeenCalledOnce();
  });

  it("signs with the seed of a file, which ends with a line's end", async () => {
    checkAuth({ nkeySeed: `${seed}\r\n` });
    expect(await answer(signIn({ nkeySeed: `${seed}\r\n` }))).toEqual(nkeyAuthenticator(bytes(seed))(NONCE));
  });

  it("signs with creds as nats-core does, whose JWT names the key", async () => {
    const expected = credsAuthenticator(bytes(creds))(NONCE);
    expect(await answer(signIn({ creds }))).toEqual({ ...expected, nkey: "" });
  });

  it("signs in JavaScript where the runtime has no Ed25519", async () => {
    const importKey = vi.spyOn(crypto.subtle, "importKey").mockRejectedValue(new Error("NotSupportedError"));
    onTestFinished(() => importKey.mockRestore());
    expect(await answer(signIn({ nkeySeed: seed }))).toEqual(nkeyAuthenticator(bytes(seed))(NONCE));
    expect(await answer(signIn({ creds }))).toEqual(credsAuthenticator(bytes(creds))(NONCE));
  });

  it("takes a token, a user and an authenticator as they are", () => {
    const authenticator = (): undefined => undefined;
    expect(signIn(undefined)).toEqual({ options: {} });
    expect(signIn({ token: "t" })).toEqual({ options: { token: "t" } });
    expect(signIn({ user: "u", password: "p" })).toEqual({ options: { user: "u", pass: "p" } });
    expect(signIn(authenticator)).toEqual({ options: { authenticator } });
  });
});

describe("nkeys", () => {
  it("reads the seeds that nkeys makes, and shows public keys as it does", () => {
    for (let made = 0; made < 20; made += 1) {
      const user = createUser();
      expect(readSeed(text(user.getSeed()))).toHaveLength(32);
    }
    expect(showPublicKey(new Uint8Array(32))).toMatch(/^U[A-Z2-7]{55}$/);
  });

  it("refuses a seed with a wrong letter", () => {
    const seed = text(createUser().getSeed());
    const other = seed.at(20) === "A" ? "B" : "A";
    expect(readSeed(seed.slice(0, 20) + other + seed.slice(21))).toBeUndefined();
    expect(readSeed(seed.slice(1))).toBeUndefined();
  });
});

describe("creds", () => {
  const user = createUser();
  const creds = text(fmtCreds(JWT, user));
  const held = { jwt: JWT, seed: text(user.getSeed()) };

  it.each([
    ["as nsc writes them", creds],
    ["with CRLF", creds.replaceAll(/\r?\n/g, "\r\n")],
    ["that end at the last marker", creds.slice(0, creds.lastIndexOf("-") + 1)],
    ["in one line, as a form for a secret takes them", creds.replaceAll(/\r?\n/g, "\\n")],
    ["with blanks around every line", creds.replaceAll("\n", "  \n  ")],
  ])("are read %s", (_name, given) => {
    expect(readCreds(given)).toEqual(held);
  });

  it("are none without a seed, or with a JWT that is none", () => {
    expect(readCreds(creds.replace(/-+BEGIN USER.*/s, ""))).toEqual({});
    expect(readCreds(creds.replace(JWT, "jwt"))).toEqual({});
    expect(readCreds("")).toEqual({});
  });
});

describe("insecureServers", () => {
  const via = { fetch };
  const loopback = ["ws://localhost.", "ws://a.localhost", "ws://127.1", "ws://[::1]"];
  it.each([
    [{ servers: "ws://nats.example.com/path?token=secret", allowInsecure: true }, ["ws://nats.example.com"]],
    [
      { servers: ["wss://a.example.com", "ws://b.example.com:81"], allowInsecure: true },
      ["ws://b.example.com:81"],
    ],
    [{ servers: "ws://127.0.0.1.example.com", allowInsecure: true }, ["ws://127.0.0.1.example.com"]],
    [{ servers: "ws://nats.example.com", allowInsecure: true, via }, []],
    [{ servers: "wss://nats.example.com", allowInsecure: true }, []],
    [{ servers: loopback, allowInsecure: true }, []],
  ])("%j: %j", (reach, expected) => {
    expect(insecureServers(reach)).toEqual(expected);
  });
});
