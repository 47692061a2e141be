// A TCP proxy on loopback that misbehaves on request: slow, silent, cut, refusing. It stands between a client and a server.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

type Direction = "up" | "down";

/** A moment in what goes one way: after exactly so many bytes everything ends, is reset, or falls silent for ever. */
interface Break {
  readonly direction: Direction;
  readonly bytes: number;
  readonly how: "end" | "reset" | "silence";
}

export interface TestProxy extends AsyncDisposable {
  /** The port that clients connect to on 127.0.0.1. */
  readonly port: number;
  /** `ws://127.0.0.1:<port><path>`; `path` starts with a slash. @default "" */
  url(path?: string): string;
  /** Delay of every byte in each direction, in milliseconds; order is kept when it changes. TCP's handshake is not delayed. @default 0 */
  latencyMs: number;
  /** Resets every new connection on which nothing has come or gone for so long, in milliseconds. @default 0: never */
  idleMs: number;
  /** Resets (RST) both sides of every open connection, now. New ones are served. */
  cut(): void;
  /** Every open connection goes silent for ever: nothing is forwarded, nothing is closed. New ones are served. */
  halfOpen(): void;
  /** Swallows what is sent in that direction, closing included, on open and new connections alike, until {@link restore}. */
  blackhole(direction: Direction | "both"): void;
  /** Breaks the next connections, each at that moment of its own. */
  breakAt(moment: Break): void;
  /** Resets every new connection as soon as it is accepted, until {@link restore}. */
  refuseNew(): void;
  /** Ends {@link blackhole} and {@link refuseNew}. A connection of which bytes were swallowed, or a half-open one, stays silent. */
  restore(): void;
  /** Connections open now, on the client's side. */
  readonly connections: number;
  /** Connections accepted since the start, refused ones not counted. */
  readonly accepted: number;
  /** Bytes that clients have sent, swallowed ones included. */
  readonly bytesUp: number;
  /** Bytes that the server has sent, swallowed ones included. */
  readonly bytesDown: number;
  /**
   * Resolves once clients have sent that many bytes from now, or a chunk for which the predicate holds. Without latency
   * that chunk has been forwarded by then. A WebSocket client masks what it sends: only its length tells anything.
   */
  onceBytesUp(when: number | ((chunk: Buffer) => boolean)): Promise<void>;
  /** As {@link onceBytesUp}, for what the server sends. */
  onceBytesDown(when: number | ((chunk: Buffer) => boolean)): Promise<void>;
  /** Resets what is open and closes the port. */
  stop(): Promise<void>;
}

/** Starts a proxy on a free port. A target that refuses a connection shows as a reset to the client. */
export async function startProxy({ target }: { target: { host: string; port: number } }): Promise<TestProxy> {
  const links = new Set<Link>();
  const lost = new Set<Direction>();
  const counters = { up: new ByteCounter(), down: new ByteCounter() };
  let accepted = 0;
  let refusing = false;
  let latencyMs = 0;
  let idleMs = 0;
  let moment: Break | undefined;

  // allowHalfOpen: a side that has finished sending may still receive, as on a wire without a proxy.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (refusing) return void reset(client);
    accepted += 1;
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
    const link: Link = { client, upstream, silent: false, torn: new Set() };
    const { direction: breaking, bytes = 0, how = "silence" } = moment ?? {};
    const pump = (direction: Direction, from: Socket, to: Socket): void =>
      forward(from, to, {
        isLost: () => {
          if (lost.has(direction)) link.torn.add(direction);
          return link.silent || link.torn.has(direction);
        },
        latencyMs: () => latencyMs,
        seen: (chunk) => counters[direction].add(chunk),
        breakAfter: direction === breaking ? bytes : Number.POSITIVE_INFINITY,
        breakNow: () => breakLink(link, how),
      });
    pump("up", client, upstream);
    pump("down", upstream, client);
    links.add(link);
    // One side may stay open alone for long: what its peer did is swallowed while the path is lost.
    const forget = (): boolean => client.closed && upstream.closed && links.delete(link);
    client.setTimeout(idleMs, () => {
      reset(client);
      reset(upstream);
    });
    client.once("close", forget);
    upstream.once("close", forget);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server listening on TCP has an AddressInfo; the other types of address() are those of pipes and closed servers.
  const { port } = server.address() as AddressInfo;

  const cut = (): void => {
    for (const { client, upstream } of links) {
      reset(client);
      reset(upstream);
    }
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    cut();
    await closed;
  };
  return {
    port,
    url: (path = "") => `ws://127.0.0.1:${port}${path}`,
    get latencyMs() {
      return latencyMs;
    },
    set latencyMs(value) {
      latencyMs = value;
    },
    get idleMs() {
      return idleMs;
    },
    set idleMs(value) {
      idleMs = value;
    },
    cut,
    halfOpen: () => {
      for (const link of links) link.silent = true;
    },
    blackhole: (direction) => {
      if (direction !== "down") lost.add("up");
      if (direction !== "up") lost.add("down");
    },
    breakAt: (given) => {
      moment = given;
    },
    refuseNew: () => {
      refusing = true;
    },
    restore: () => {
      lost.clear();
      refusing = false;
    },
    get connections() {
      return [...links].filter(({ client }) => !client.destroyed).length;
    },
    get accepted() {
      return accepted;
    },
    get bytesUp() {
      return counters.up.total;
    },
    get bytesDown() {
      return counters.down.total;
    },
    onceBytesUp: (when) => counters.up.once(when),
    onceBytesDown: (when) => counters.down.once(when),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A reset (RST). One whose end is under way cannot be reset: Node 24 would spin for ever as the process exits. */
function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

function breakLink(link: Link, how: Break["how"]): void {
  link.silent = true;
  if (how === "silence") return;
  for (const socket of [link.client, link.upstream]) {
    if (how === "end") socket.end();
    else reset(socket);
  }
}

interface Link {
  client: Socket;
  upstream: Socket;
  /** Half-open: it forwards nothing any more. */
  silent: boolean;
  /** Where bytes were swallowed. TCP never delivers what comes after a gap, so nor does a connection that has one. */
  readonly torn: Set<Direction>;
}

interface Conditions {
  isLost(): boolean;
  latencyMs(): number;
  seen(chunk: Buffer): void;
  /** Bytes of this direction that are forwarded before {@link breakNow} is called. */
  readonly breakAfter: number;
  breakNow(): void;
}

/** Forwards one direction of a connection: bytes, end and reset, each after the latency and in order. */
function forward(from: Socket, to: Socket, conditions: Conditions): void {
  const queue: { dueAt: number; deliver: () => void }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let left = conditions.breakAfter;

  const deliverDue = (): void => {
    timer = undefined;
    while (queue[0] !== undefined && queue[0].dueAt <= performance.now()) {
      const entry = queue.shift();
      if (!conditions.isLost()) entry?.deliver();
    }
    // Time has passed since it was looked at, and Node warns of a timer in the past.
    if (queue[0] !== undefined)
      timer = setTimeout(deliverDue, Math.max(0, queue[0].dueAt - performance.now()));
  };
  const pass = (deliver: () => void): void => {
    if (conditions.isLost()) return;
    const latencyMs = conditions.latencyMs();
    if (latencyMs === 0 && queue.length === 0) {
      deliver();
      return;
    }
    // Due times count from arrival, so chunks in flight together are late once, not one after the other.
    queue.push({ dueAt: Math.max(performance.now() + latencyMs, queue.at(-1)?.dueAt ?? 0), deliver });
    timer ??= setTimeout(deliverDue, latencyMs);
  };

  const write = (chunk: Buffer): void => {
    if (to.destroyed) return void reset(from); // Its end was lost; TCP answers late bytes with a reset.
    if (to.write(chunk)) return;
    from.pause();
    to.once("drain", () => from.resume());
  };
  from.on("data", (chunk: Buffer) => {
    const whole = chunk.length < left;
    const part = whole ? chunk : chunk.subarray(0, left);
    left -= part.length;
    pass(() => write(part));
    conditions.seen(chunk);
    if (!whole) conditions.breakNow();
  });
  from.once("end", () => pass(() => to.end()));
  from.once("error", () => pass(() => reset(to)));
  to.once("close", () => clearTimeout(timer));
}

type Watch = { isMet: (chunk: Buffer) => boolean; resolve: () => void };

/** Counts one direction's bytes and tells those who wait for a moment in them. */
class ByteCounter {
  total = 0;
  #watches: Watch[] = [];

  add(chunk: Buffer): void {
    this.total += chunk.length;
    this.#watches = this.#watches.filter(({ isMet, resolve }) => {
      const met = isMet(chunk);
      if (met) resolve();
      return !met;
    });
  }

  async once(when: number | ((chunk: Buffer) => boolean)): Promise<void> {
    const goal = typeof when === "number" ? this.total + when : 0;
    const isMet = typeof when === "number" ? (): boolean => this.total >= goal : when;
    await new Promise<void>((resolve) => this.#watches.push({ isMet, resolve }));
  }
}
