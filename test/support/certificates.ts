// Certificates for TLS tests, made anew each time: no binary file in the repository, none that expires there.
import { mkdir, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { generate } from "selfsigned";

/** Paths of a PEM certificate and its PEM private key. */
interface CertificateFiles {
  cert: string;
  key: string;
}

export interface Certificates {
  /** The authority that signed all but `selfSigned`. What trusts it, trusts `good`. */
  ca: CertificateFiles;
  /** For `localhost`, 127.0.0.1 and ::1, valid for a day. */
  good: CertificateFiles;
  /** As `good`, but its last day was yesterday. */
  expired: CertificateFiles;
  /** Valid, but for `other.example`. */
  wrongName: CertificateFiles;
  /** For `localhost`, 127.0.0.1 and ::1, signed by no authority. */
  selfSigned: CertificateFiles;
}

interface Pem {
  cert: string;
  key: string;
}

interface Validity {
  notBeforeDate: Date;
  notAfterDate: Date;
}

const DAY_MS = 86_400_000;
const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1", "::1"];

/** Writes the certificates as `<name>.pem` and `<name>.key.pem` into a folder, which is made when it is not there. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  await mkdir(folder, { recursive: true });
  const now = Date.now();
  // An hour of grace before now, as a runtime under test may keep its own clock.
  const valid = { notBeforeDate: new Date(now - DAY_MS / 24), notAfterDate: new Date(now + DAY_MS) };
  const past = { notBeforeDate: new Date(now - 2 * DAY_MS), notAfterDate: new Date(now - DAY_MS) };

  const ca = await authority(valid);
  return {
    ca: await write(folder, "ca", ca),
    good: await write(folder, "good", await leaf(LOOPBACK, valid, ca)),
    expired: await write(folder, "expired", await leaf(LOOPBACK, past, ca)),
    wrongName: await write(folder, "wrong-name", await leaf(["other.example"], valid, ca)),
    selfSigned: await write(folder, "self-signed", await leaf(LOOPBACK, valid)),
  };
}

async function authority(validity: Validity): Promise<Pem> {
  const made = await generate([{ name: "commonName", value: "Sluice test authority" }], {
    ...validity,
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private };
}

async function leaf(hosts: readonly string[], validity: Validity, issuer?: Pem): Promise<Pem> {
  const made = await generate([{ name: "commonName", value: hosts[0] ?? "" }], {
    ...validity,
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      // Type 7 is an IP address and 2 a DNS name, in X.509's own numbering (RFC 5280, GeneralName).
      {
        name: "subjectAltName",
        altNames: hosts.map((host) => (isIP(host) ? { type: 7, ip: host } : { type: 2, value: host })),
      },
    ],
    ...(issuer === undefined ? {} : { ca: issuer }),
  });
  return { cert: made.cert, key: made.private };
}

async function write(folder: string, name: string, pem: Pem): Promise<CertificateFiles> {
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key.pem`) };
  await writeFile(files.cert, pem.cert);
  await writeFile(files.key, pem.key, { mode: 0o600 });
  return files;
}
