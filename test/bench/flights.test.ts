// Round trips are counted by what could depend on what, whatever the clocks say.
import { expect, test } from "vitest";
import { countFlights, countRoundTrips, type Seen } from "./flights.ts";

const LATENCY_MS = 50;

const up = (at: number): Seen => ({ direction: "up", at, delivery: false });
const down = (at: number, delivery = false): Seen => ({ direction: "down", at, delivery });

test("a drain is one round trip to the open socket, two more to the first message and one to the end", () => {
  const seen = [
    up(0), // upgrade
    down(51),
    up(102), // CONNECT, PING
    down(153),
    up(205), // the pull
    down(256, true),
    up(308), // acks, PING
    down(360),
  ];
  const { open, firstDelivery, last } = countFlights(seen, LATENCY_MS, 1_000);
  expect([open.roundTrips, firstDelivery.roundTrips, last.roundTrips]).toEqual([1, 3, 4]);
});

test("requests sent together, and answers that trickle in, are one round trip", () => {
  const seen = [up(0), up(3), down(51), down(90, true), up(101)];
  expect(countFlights(seen, LATENCY_MS, 1_000).last.roundTrips).toBe(1);
});

test("what comes after the end does not count", () => {
  const seen = [up(0), down(50), up(101), down(152), up(203), down(254, true), up(305), down(400)];
  expect(countFlights(seen, LATENCY_MS, 310).last.roundTrips).toBe(3);
});

test("a client that heard nothing is an error", () => {
  expect(() => countFlights([up(0)], LATENCY_MS, 1_000)).toThrow("no such answer");
});

test("opening the socket counts too where TLS hides what is sent", () => {
  const seen = [up(0), down(51), up(102), down(153), up(204), down(255)];
  expect(countRoundTrips(seen, LATENCY_MS, 1_000)).toBe(3);
});
