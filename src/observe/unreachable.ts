// What stands between a drain and its server, in more words than a report has: what the failure usually
// means, and the command that shows more of it. Pure.
import { type ConnectFailure, classifyConnectFailure } from "../connection/failure.ts";
import { type Auth, readCreds, type Servers, showServers } from "../connection/login.ts";
import { SocketError } from "../connection/wire.ts";
import { quote } from "../report/preflight-rule.ts";
import type { Ending } from "../report/reasons.ts";

interface Login {
  readonly servers: Servers;
  readonly auth?: Auth | undefined;
}

interface Hint {
  readonly means: string;
  /** Shows more, of this address. */
  readonly look?: (url: URL) => string;
}

/** How a connection that failed ends a drain. @param atMs the time of day */
export function explainConnectFailure(
  failure: ConnectFailure,
  { servers, auth }: Login,
  atMs: number,
): Ending & { readonly mend?: string } {
  const { reason, message } = classifyConnectFailure(failure, showServers(servers));
  if (failure.kind !== "failed") return { reason, message };
  const hint = hintOf(failure.cause) ?? (reason === "unauthorized" ? refused(auth, atMs) : undefined);
  if (hint === undefined) return { reason, message };
  const [only, ...others] = typeof servers === "string" ? [servers] : servers;
  const url = only !== undefined && others.length === 0 && hint.look ? new URL(only) : undefined;
  const told = { reason, message: `${message.replace(/([^.?!])$/, "$1.")} ${hint.means}` };
  return url && hint.look ? { ...told, mend: hint.look(url) } : told;
}

function hintOf(cause: unknown): Hint | undefined {
  const status = cause instanceof SocketError ? cause.status : undefined;
  const text = saidBy(cause);
  return HINTS.find(({ of }) => (of instanceof RegExp ? of.test(text) : status !== undefined && of(status)));
}

/** What each error in the chain says, and its code. */
function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  return [code, error.message, error.cause === undefined ? "" : saidBy(error.cause)].join(" ");
}

const hostPort = ({ hostname, port }: URL): string => `${hostname}:${port || 443}`;

const showCertificate = (url: URL): string => {
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const connection = `openssl s_client -connect ${quote(hostPort(url))} -servername ${quote(name)}`;
  return `${connection} </dev/null | openssl x509 -noout -subject -issuer -dates -ext subjectAltName`;
};

const showAnswer = ({ protocol, host, pathname }: URL): string =>
  `curl -sSi ${quote(`${protocol === "wss:" ? "https" : "http"}://${host}${pathname}`)}`;

const HINTS: readonly (Hint & { readonly of: RegExp | ((status: number) => boolean) })[] = [
  {
    of: /ALTNAME|not match certificate/i,
    means: "The certificate is another name's: use a name that it has, or give the server one for this name.",
    look: showCertificate,
  },
  {
    of: /CERT_HAS_EXPIRED|certificate has expired|not yet valid/i,
    means: "Renew the server's certificate; or the clock of this machine is wrong.",
    look: showCertificate,
  },
  {
    of: /self.signed|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|unknown issuer/i,
    means:
      "Nothing here trusts who signed it. Let the server show its intermediate certificates, too; for an " +
      "authority of your own set NODE_EXTRA_CA_CERTS. A Worker trusts public ones only.",
    look: showCertificate,
  },
  {
    of: /Expected HTTP\//,
    means: "nats-server's port for TCP clients, 4222, is such a one: use that of its websocket {} block.",
  },
  {
    of: /ECONNREFUSED/,
    means: "Is the server up, is its websocket {} block there, and is the port that of the block?",
  },
  {
    of: /ENOTFOUND \S*\bexample\.(com|org|net)\b/,
    means: "That is the address of an example: put in your own.",
  },
  {
    of: /ENOTFOUND|EAI_AGAIN/,
    means: "DNS knows no such name here: is it spelt right, and is it no name of a private network?",
  },
  {
    of: (status) => status >= 300 && status < 400,
    means: "A gateway redirects, which a drain does not follow: give the address behind it.",
    look: showAnswer,
  },
  {
    of: (status) => status === 401 || status === 403,
    means: "It is a gateway in front of nats-server that refuses: nats-server itself never answers so.",
    look: showAnswer,
  },
  {
    of: (status) => status === 400 || status === 426,
    means:
      "Either TLS is wanted there, wss://, or a proxy in between does not pass the upgrade on (HTTP/1.1, " +
      "with the headers Upgrade and Connection).",
    look: showAnswer,
  },
  {
    of: (status) => status === 502 || status === 503 || status === 504,
    means: "A gateway is there, and reaches no nats-server behind it.",
    look: showAnswer,
  },
  {
    of: (status) => status > 0,
    means:
      "It is no WebSocket listener: is the path right, and is the port that of the websocket {} block? " +
      "8222 is nats-server's monitoring.",
    look: showAnswer,
  },
];

function refused(auth: Auth | undefined, atMs: number): Hint {
  if (auth === undefined)
    return {
      means: "No credentials are set: NATS_TOKEN, NATS_USER and NATS_PASSWORD, NATS_CREDS or NATS_NKEY_SEED.",
    };
  const jwt = typeof auth === "object" && "creds" in auth ? claimsOf(readCreds(auth.creds).jwt) : {};
  const { exp, nbf } = jwt;
  if (typeof exp === "number" && exp * 1_000 <= atMs)
    return { means: `Its JWT expired at ${timeOf(exp)}: make the user's .creds anew.` };
  if (typeof nbf === "number" && nbf * 1_000 > atMs)
    return { means: `Its JWT is not valid before ${timeOf(nbf)}: is the clock right?` };
  return {
    means: "Are they this server's, and may the user connect by WEBSOCKET (allowed_connection_types)?",
  };
}

function timeOf(seconds: number): string {
  return Number.isSafeInteger(seconds) ? new Date(seconds * 1_000).toISOString() : "a time that is none";
}

/** What the JWT says of itself, which only the server can verify. */
function claimsOf(jwt = ""): Readonly<Record<string, unknown>> {
  try {
    const [, payload = ""] = jwt.split(".");
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return { ...(claims as object | undefined) };
  } catch {
    return {};
  }
}
