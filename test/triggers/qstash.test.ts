// QStash's signature: what it signed for this URL and this body passes, and nothing else does.
import { createHash, createHmac } from "node:crypto";
import { Receiver } from "@upstash/qstash";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { drainHandler } from "../../src/triggers/fetch.ts";
import { QSTASH_STATUS, qstash } from "../../src/triggers/qstash.ts";
import { fakeDrain } from "../support/report.ts";

const URL_OF_DRAIN = "https://drain.example.com/drain";
const BODY = '{"why":"tick"}';
const nowS = Math.floor(Date.now() / 1_000);
const claimsOf = (body: string) => ({
  iss: "Upstash",
  sub: URL_OF_DRAIN,
  exp: nowS + 300,
  nbf: nowS - 5,
  body: createHash("sha256").update(body).digest("base64url"),
});

/** A token as QStash makes it, by Node's own crypto instead of WebCrypto. */
function sign(key: string, claims: object = claimsOf(BODY), header: object = { alg: "HS256", typ: "JWT" }) {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

const call = (token?: string, body = BODY) =>
  new Request(URL_OF_DRAIN, {
    method: "POST",
    body,
    headers: token === undefined ? {} : { "Upstash-Signature": token },
  });
const authorize = qstash({ currentKey: "sig_current", nextKey: "sig_next" });

const claims = claimsOf(BODY);
const refused: [what: string, request: Request][] = [
  ["no signature", call()],
  ["no token", call("nonsense")],
  ["a token that is not base64url", call("!.!.!")],
  ["another key", call(sign("sig_other"))],
  ["another body", call(sign("sig_current"), "{}")],
  ["another URL", call(sign("sig_current", { ...claims, sub: "https://other.example.com/" }))],
  ["another issuer", call(sign("sig_current", { ...claims, iss: "Other" }))],
  ["a signature that is over", call(sign("sig_current", { ...claims, exp: nowS - 60 }))],
  ["a signature that is not valid yet", call(sign("sig_current", { ...claims, nbf: nowS + 60 }))],
  ["a signature without times", call(sign("sig_current", { iss: "Upstash", sub: URL_OF_DRAIN }))],
  ["another algorithm", call(sign("sig_current", claims, { alg: "none" }))],
  ["a part too many", call(`${sign("sig_current")}.x`)],
];
describe("qstash", () => {
  it.each(["sig_current", "sig_next"])("lets pass what %s signed", async (key) => {
    const drain = fakeDrain();
    expect((await drainHandler(drain, { authorize })(call(sign(key)))).status).toBe(200);
    expect(drain.inputs).toHaveLength(1);
  });

  it("takes keys that were stored with a line's end", async () => {
    const stored = qstash({ currentKey: "sig_current\n", nextKey: " sig_next\r\n" });
    for (const key of ["sig_current", "sig_next"])
      expect((await drainHandler(fakeDrain(), { authorize: stored })(call(sign(key)))).status).toBe(200);
  });

  it.each(refused)("refuses %s, and nothing runs", async (_what, request) => {
    const drain = fakeDrain();
    expect((await drainHandler(drain, { authorize })(request.clone())).status).toBe(401);
    expect(drain.inputs).toEqual([]);
  });

  it.each([
    ["without a path", "https://drain.example.com", "https://drain.example.com/"],
    ["with its port", "https://drain.example.com:443/drain", "https://drain.example.com/drain"],
    ["with a space in it", "https://drain.example.com/a b?c=d e", "https://drain.example.com/a%20b?c=d%20e"],
    ["with another case of its host", "https://Drain.example.com/drain", "https://drain.example.com/drain"],
  ])("lets pass a URL that QStash was given %s", async (_what, given, called) => {
    const headers = { "Upstash-Signature": sign("sig_current", { ...claims, sub: given }) };
    const request = new Request(called, { method: "POST", body: BODY, headers });
    expect((await drainHandler(fakeDrain(), { authorize })(request.clone())).status).toBe(200);
    const behindProxy = new Request("http://10.0.0.1/drain", { method: "POST", body: BODY, headers });
    const proxied = qstash({ currentKey: "sig_current", url: called });
    expect(await proxied(behindProxy, undefined)).toBe(true);
  });

  it("refuses a subject that is no URL", async () => {
    const token = sign("sig_current", { ...claims, sub: "drain" });
    expect((await drainHandler(fakeDrain(), { authorize })(call(token))).status).toBe(401);
  });

  it("refuses every call without a key", async () => {
    const none = qstash({ currentKey: undefined });
    expect((await drainHandler(fakeDrain(), { authorize: none })(call(sign("")))).status).toBe(500);
  });

  it("tells QStash to give up where only an operator can help, and when to try again where not", async () => {
    const answer = (reason: "unauthorized" | "connect-failed") =>
      drainHandler(fakeDrain(reason), { authorize, status: QSTASH_STATUS })(call(sign("sig_current")));
    const fatal = await answer("unauthorized");
    expect([fatal.status, fatal.headers.get("Upstash-NonRetryable-Error")]).toEqual([489, "true"]);
    const retryable = await answer("connect-failed");
    expect([retryable.status, retryable.headers.get("Retry-After")]).toEqual([503, "5"]);
  });
});

describe("QStash's own Receiver", () => {
  const receiver = new Receiver({ currentSigningKey: "sig_current", nextSigningKey: "sig_next" });
  const verify = async (request: Request): Promise<boolean> => {
    const signature = request.headers.get("Upstash-Signature") ?? "";
    const body = await request.text();
    return await receiver
      .verify({ signature, body, url: URL_OF_DRAIN, clockTolerance: 5 })
      .catch(() => false);
  };

  it.each(["sig_current", "sig_next"])("lets pass what qstash lets pass: signed by %s", async (key) => {
    expect(await verify(call(sign(key)))).toBe(true);
  });

  it.each(refused)("refuses %s, as qstash does", async (_what, request) => {
    expect(await verify(request.clone())).toBe(false);
  });

  it("and qstash take a token of another library", async () => {
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .sign(new TextEncoder().encode("sig_next"));
    expect(await verify(call(token))).toBe(true);
    expect(await authorize(call(token), undefined)).toBe(true);
  });
});
