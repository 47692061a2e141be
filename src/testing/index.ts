/**
 * A drain's handlers against made-up messages, with a clock of one's own.
 *
 * @module sluice/testing
 */
export { FakeClock } from "./clock.ts";
export { type TestInput, type TestResult, type TestSettings, testDrain } from "./drain.ts";
export { type FakeMessage, type FakeMessageOptions, fakeMessage } from "./message.ts";
export type { PublishedMessage, TestSettlement } from "./outcome.ts";
export type { FakeConsumer } from "./server.ts";
