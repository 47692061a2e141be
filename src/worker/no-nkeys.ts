// Stands in for @nats-io/nkeys in the deployable Worker (wrangler.toml, `alias`): nats-core would
// sign with it, in JavaScript, and a drain signs with WebCrypto, which Workers have. It is a seventh
// of the bundle.

/** What nats-core would sign with. */
export function fromSeed(): never {
  throw new Error("this build signs with WebCrypto's Ed25519 alone, and the runtime has none");
}
