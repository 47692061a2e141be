/**
 * What Workers call a drain from. Each trigger says in its own verbs how the drain ended.
 *
 * @module sluice/cloudflare
 */
export { type AlarmOptions, type AlarmStorage, drainAlarm } from "./cloudflare-alarm.ts";
export { type CronController, scheduled } from "./cloudflare-cron.ts";
export { drainOnMessage, type MessageBatch } from "./cloudflare-queue.ts";
export { type DrainStep, drainStep, type StepOptions } from "./cloudflare-workflow.ts";
export {
  type DrainCall,
  type FanOut,
  type FanOutMax,
  type FanOutOptions,
  type FanOutQueue,
  type FanOutSelf,
  fanOut,
  type Self,
} from "./fan-out.ts";
export type { DrainQueue } from "./fan-out-queue.ts";
export { type HttpSelfOptions, httpSelf, type SelfBinding } from "./http-self.ts";
export { LIMITS_MS, type TriggerOptions } from "./limit.ts";
export { DrainError, DrainFatalError, DrainRetryableError, type ErrorMapping, orThrow } from "./throw.ts";
