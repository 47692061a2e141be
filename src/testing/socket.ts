// The client's end of a WebSocket whose server is in this process: the part of the interface that
// src/connection/wire-fetch.ts uses.

/** Calls `converse` when the client has accepted it; that gives what takes the client's bytes. */
export class FakeSocket extends EventTarget {
  binaryType = "arraybuffer";
  readonly #converse: (socket: FakeSocket) => (bytes: Uint8Array) => void;
  #toServer: ((bytes: Uint8Array) => void) | undefined;
  #closed = false;

  constructor(converse: (socket: FakeSocket) => (bytes: Uint8Array) => void) {
    super();
    this.#converse = converse;
  }

  accept(): void {
    this.#toServer = this.#converse(this);
  }

  send(data: ArrayBuffer): void {
    const bytes = new Uint8Array(data);
    this.#soon(() => this.#toServer?.(bytes));
  }

  /** Bytes from the server, in one frame. */
  receive(bytes: Uint8Array): void {
    const data = bytes.slice().buffer; // exactly these, whatever they are a view of
    this.#soon(() => this.dispatchEvent(new MessageEvent("message", { data })));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => this.dispatchEvent(new Event("close")));
  }

  /** Not within the call of the other side, which no network would do; in order all the same. */
  #soon(action: () => void): void {
    queueMicrotask(() => {
      if (!this.#closed) action();
    });
  }
}
