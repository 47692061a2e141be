// What doctor and the dashboard say of a server that no connection was made to, beside what a report says.
import { describe, expect, it } from "vitest";
import { SocketError } from "../../src/connection/wire.ts";
import { explainConnectFailure } from "../../src/observe/unreachable.ts";

const NOW = Date.parse("2026-11-25T07:00:00Z");
const SERVERS = "wss://nats.example.com/ws?key=s3cret";

const said = (cause: unknown, servers: string | readonly string[] = SERVERS) =>
  explainConnectFailure({ kind: "failed", cause }, { servers }, NOW);
const failed = (code: string, message: string): Error => Object.assign(new Error(message), { code });

describe("a connection that failed is told with what it usually means, and the command that shows more", () => {
  it.each([
    ["ERR_TLS_CERT_ALTNAME_INVALID", "Hostname/IP does not match certificate's altnames", "another name's"],
    ["CERT_HAS_EXPIRED", "certificate has expired", "Renew the server's certificate"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate", "NODE_EXTRA_CA_CERTS"],
    [
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "unable to verify the first certificate",
      "intermediate certificates",
    ],
  ])("of a certificate: %s", (code, message, means) => {
    const { reason, mend, ...told } = said(new SocketError(message, { cause: failed(code, message) }));
    expect(reason).toBe("connect-failed");
    expect(told.message).toContain(means);
    expect(mend).toBe(
      "openssl s_client -connect nats.example.com:443 -servername nats.example.com </dev/null | " +
        "openssl x509 -noout -subject -issuer -dates -ext subjectAltName",
    );
  });

  it.each([
    [200, "connect-failed", "no WebSocket listener"],
    [302, "connect-failed", "A gateway redirects"],
    [400, "connect-failed", "wss://"],
    [401, "unauthorized", "a gateway in front of nats-server"],
    [403, "unauthorized", "a gateway in front of nats-server"],
    [404, "connect-failed", "is the path right"],
    [426, "connect-failed", "does not pass the upgrade on"],
    [502, "connect-failed", "reaches no nats-server"],
  ])("of HTTP %i", (status, reason, means) => {
    const told = said(new SocketError(`The server answered HTTP ${status}.`, { status }));
    expect(told).toMatchObject({ reason, message: expect.stringContaining(means) });
    expect(told.mend).toBe("curl -sSi 'https://nats.example.com/ws'");
    expect(told.message).not.toContain("s3cret");
  });

  it("of a port for TCP clients, once, and of one that refuses", () => {
    const parse = "Parse Error: Expected HTTP/, RTSP/ or ICE/";
    const { reason, message } = said(
      new SocketError(`Something that speaks no HTTP listens there. (${parse})`, {
        cause: new Error(parse),
        misconfigured: true,
      }),
    );
    expect(reason).toBe("invalid-options");
    expect(message.split(parse).length).toBe(2);
    expect(message).toContain("4222");
    const refused = "connect ECONNREFUSED 127.0.0.1:8080";
    expect(said(new SocketError(refused)).message).toMatch(/127\.0\.0\.1:8080\. Is the server up/);
  });

  it.each([
    ["getaddrinfo ENOTFOUND nats.example.com", "the address of an example"],
    ["getaddrinfo ENOTFOUND nats.internal", "a private network"],
    ["getaddrinfo EAI_AGAIN nats.example.com.internal", "DNS knows no such name"],
  ])("of a name: %s", (text, means) => {
    expect(said(new SocketError(text))).toMatchObject({
      reason: "connect-failed",
      message: expect.stringContaining(means),
    });
  });

  it("without a command where several servers were tried", () => {
    const cause = new SocketError("The server answered HTTP 404.", { status: 404 });
    expect(said(cause, ["wss://a.example.com", "wss://b.example.com"]).mend).toBeUndefined();
  });

  it("as a report has it where nothing more is known", () => {
    expect(said(new SocketError("connect EHOSTUNREACH 192.0.2.1:443")).message).toMatch(
      /^No connection could be made\. .*EHOSTUNREACH 192\.0\.2\.1:443$/,
    );
    const timeout = explainConnectFailure({ kind: "timeout" }, { servers: SERVERS }, NOW);
    expect(timeout.reason).toBe("connect-timeout");
  });
});
