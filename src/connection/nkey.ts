// User nkeys: the text of a seed (`SU…`) and of a public key (`U…`), as github.com/nats-io/nkeys has
// them: base32 of a prefix, 32 bytes of key, and a CRC-16 of both.

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const USER_PREFIX = 20 << 3; // U

/** The 32 bytes of a user's seed; undefined where the text is none, or damaged. */
export function readSeed(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^SU[A-Z2-7]{56}$/.test(text)) return undefined;
  const bytes = decodeBase32(text);
  const body = bytes.subarray(0, -2);
  const sum = (bytes.at(-2) ?? 0) | ((bytes.at(-1) ?? 0) << 8);
  return crc16(body) === sum ? body.slice(2) : undefined;
}

/** The text of a user's public key. */
export function showPublicKey(key: Uint8Array): string {
  const body = Uint8Array.of(USER_PREFIX, ...key);
  const sum = crc16(body);
  return encodeBase32(Uint8Array.of(...body, sum & 0xff, sum >> 8));
}

function decodeBase32(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array((text.length * 5) >> 3);
  let bits = 0;
  let value = 0;
  let at = 0;
  for (const letter of text) {
    value = ((value << 5) | BASE32.indexOf(letter)) & 0xffff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at] = (value >> bits) & 0xff;
    at += 1;
  }
  return bytes;
}

function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(value >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + BASE32[(value << (5 - bits)) & 31] : text;
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}
