// Asks for a consumer's status over one connection, once or again and again.
import { setTimeout as pause } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/nats-core";
import { readConsumerState } from "../../observe/consumer-state.ts";
import { readHistory } from "../../observe/history-read.ts";
import { openConnection } from "../connect.ts";
import type { Login } from "../login.ts";
import { jsonLine } from "../terminal.ts";
import { EXIT } from "../usage.ts";
import { type Status, statusLines } from "./print.ts";

export interface Settings {
  readonly stream: string;
  readonly consumer: string;
  readonly domain: string | undefined;
  /** Where the drain keeps its history. */
  readonly bucket: string | undefined;
  /** Between two looks, in milliseconds; undefined: one look. */
  readonly watchMs: number | undefined;
  readonly json: boolean;
}

const ANSWER_MS = 5_000;
/** To the top left, and nothing behind it. */
const CLEAR = "\u001b[H\u001b[2J";

/**
 * Prints the status.
 *
 * @returns the exit code
 * @throws {Error} of one line: the server or the consumer cannot be asked
 */
export async function runStatus(login: Login, settings: Settings, signal: AbortSignal): Promise<number> {
  const connection = await openConnection(login, "sluice-status", signal);
  const { nats } = connection;
  try {
    await show(await ask(nats, settings), settings);
    if (settings.watchMs !== undefined) await watch(nats, settings, settings.watchMs, signal);
    return EXIT.ok;
  } finally {
    await connection.close();
  }
}

/** Until the signal, which is how a watch is meant to end. */
async function watch(
  nats: NatsConnection,
  settings: Settings,
  watchMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (await waited(watchMs, signal)) await show(await ask(nats, settings), settings);
}

async function waited(watchMs: number, signal: AbortSignal): Promise<boolean> {
  return await pause(watchMs, true, { signal }).catch(() => false);
}

async function ask(nats: NatsConnection, { bucket, ...key }: Settings): Promise<Status> {
  try {
    const [state, reports] = await Promise.all([
      readConsumerState(nats, key, ANSWER_MS),
      bucket === undefined ? undefined : readHistory(nats, { ...key, bucket }, ANSWER_MS),
    ]);
    return { at: new Date().toISOString(), state, reports };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`consumer "${key.consumer}" of stream "${key.stream}" cannot be asked: ${why}`, {
      cause,
    });
  }
}

async function show(status: Status, { json, watchMs }: Settings): Promise<void> {
  const clear = watchMs !== undefined && !json && process.stdout.isTTY ? CLEAR : "";
  const text = json ? jsonLine(status) : statusLines(status).join("\n");
  await new Promise<void>((written) => {
    process.stdout.write(`${clear}${text}\n`, () => written());
  });
}
