// The public face of `sluice/testing`: a drain's handlers against made-up messages, with a clock of one's own.

export { FakeClock } from "./testing/clock.ts";
export { type TestInput, type TestResult, type TestSettings, testDrain } from "./testing/drain.ts";
export { type FakeMessage, type FakeMessageOptions, fakeMessage } from "./testing/message.ts";
export type { PublishedMessage, TestSettlement } from "./testing/outcome.ts";
export type { FakeConsumer } from "./testing/server.ts";
