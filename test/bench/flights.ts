// Counts round trips by cause and effect, from what a proxy with latency saw: something sent after an answer had arrived may depend
// on it, so it is one round trip later. No clock's jitter can turn two round trips into three.
import type { TestProxy } from "../support/proxy.ts";

type Direction = "up" | "down";

/** A chunk that came to the proxy, which is close to the client going up and to the server going down. */
export interface Seen {
  readonly direction: Direction;
  /** `performance.now()` */
  readonly at: number;
  /** A delivery of JetStream is in it. */
  readonly delivery: boolean;
}

/** What the client had received when it was: its round trips so far, and when the last of it came, by `performance.now()`. */
export interface Flights {
  /** The first answer, which is the WebSocket's upgrade: the socket is open. */
  readonly open: { readonly roundTrips: number; readonly at: number };
  readonly firstDelivery: { readonly roundTrips: number; readonly at: number };
  readonly lastDelivery: { readonly roundTrips: number; readonly at: number };
  readonly last: { readonly roundTrips: number; readonly at: number };
}

/** Notes every chunk from now on. */
export function watchProxy(proxy: TestProxy): readonly Seen[] {
  const seen: Seen[] = [];
  const note =
    (direction: Direction) =>
    (chunk: Buffer): boolean => {
      // What the server sends is not masked.
      seen.push({
        direction,
        at: performance.now(),
        delivery: direction === "down" && chunk.includes("$JS.ACK."),
      });
      return false;
    };
  void proxy.onceBytesUp(note("up"));
  void proxy.onceBytesDown(note("down"));
  return seen;
}

/** All round trips of one client up to the moment `until`, opening the socket included, also where TLS hides what was sent. */
export function countRoundTrips(seen: readonly Seen[], latencyMs: number, until: number): number {
  return pick(arrivalsDown(seen, latencyMs, until).at(-1)).roundTrips;
}

/** Counts the round trips of one client up to the moment `until`. Each chunk arrives `latencyMs` after it was seen. */
export function countFlights(seen: readonly Seen[], latencyMs: number, until: number): Flights {
  const known = arrivalsDown(seen, latencyMs, until);
  const deliveries = known.filter(({ delivery }) => delivery);
  return {
    open: pick(known[0]),
    firstDelivery: pick(deliveries[0]),
    lastDelivery: pick(deliveries.at(-1)),
    last: pick(known.at(-1)),
  };
}

/** What had come to the client by then. */
function arrivalsDown(seen: readonly Seen[], latencyMs: number, until: number): readonly Arrival[] {
  const arrived = { up: [] as Arrival[], down: [] as Arrival[] };
  const depthAt = (direction: Direction, at: number): number =>
    arrived[direction].reduce((depth, each) => (each.at <= at ? Math.max(depth, each.roundTrips) : depth), 0);
  for (const { direction, at, delivery } of seen) {
    // The server answers what has arrived there; the client sends what it knows enough for.
    const roundTrips = direction === "down" ? depthAt("up", at) + 1 : depthAt("down", at);
    arrived[direction].push({ roundTrips, at: at + latencyMs, delivery });
  }
  return arrived.down.filter(({ at }) => at <= until);
}

interface Arrival {
  readonly roundTrips: number;
  readonly at: number;
  readonly delivery: boolean;
}

function pick(arrival: Arrival | undefined): { roundTrips: number; at: number } {
  if (arrival === undefined) throw new Error("the proxy saw no such answer");
  return { roundTrips: arrival.roundTrips, at: arrival.at };
}
