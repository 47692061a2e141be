// One connection to the scripted server: obeys the client's commands, plays the script's steps, records what came.
import { setTimeout as pause } from "node:timers/promises";
import type { WebSocket } from "ws";
import { takesIn } from "../../../src/report/subject.ts";
import {
  type ClientCommand,
  ClientParser,
  type ClientPublish,
  encodeLine,
  encodeMessage,
  type ServerMessage,
} from "../../../src/testing/protocol.ts";
import type { Answer, ConnectionStep, DeliverStep, Script, Step } from "./script.ts";

/** What was sent to an ack subject. */
export interface SentAck {
  readonly subject: string;
  /** The message's sequence in the stream. */
  readonly sequence: number;
  /** `+ACK`, `-NAK {"delay":…}`, `+TERM`, `+WPI` … */
  readonly payload: string;
}

export interface SentPull {
  readonly subject: string;
  readonly body: unknown;
}

export interface SentMessage {
  readonly subject: string;
  readonly headers: string;
  readonly text: string;
}

const decoder = new TextDecoder();

const SERVER_INFO = {
  server_id: "SCRIPTED",
  server_name: "scripted",
  version: "2.15.1",
  proto: 1,
  headers: true,
  max_payload: 1_048_576,
  jetstream: true,
};

/** What came from all clients, and whoever waits for more to come. */
export class Records {
  readonly acks: SentAck[] = [];
  readonly pulls: SentPull[] = [];
  readonly published: SentMessage[] = [];
  readonly connects: unknown[] = [];
  lastSequence = 0;
  deliveries = 0;
  #waiters: { isSo(): boolean; resolve(): void }[] = [];

  get settled(): number {
    return this.acks.filter(({ payload }) => payload !== "+WPI").length;
  }

  changed(): void {
    this.#waiters = this.#waiters.filter(({ isSo, resolve }) => {
      const met = isSo();
      if (met) resolve();
      return !met;
    });
  }

  async until(isSo: () => boolean): Promise<void> {
    if (!isSo()) await new Promise<void>((resolve) => this.#waiters.push({ isSo, resolve }));
  }
}

interface Pull {
  readonly stream: string;
  readonly consumer: string;
  readonly inbox: string;
}

// A flood goes out in turns of so many frames, as fast as its client reads: the process hears the client's end, and its
// other servers and proxies do not stand still meanwhile, which their drains would take for servers that are gone.
const FRAMES_PER_TURN = 500;
const MAX_BUFFERED_BYTES = 1_048_576;

// With a JetStream domain, `$JS.<domain>.API.…`.
const API = /^\$JS\.(?:[^.]+\.)?API\.CONSUMER\.(MSG\.NEXT|INFO)\.([^.]+)\.([^.]+)$/;

/** One connection. */
export class Conversation {
  readonly #socket: WebSocket;
  readonly #script: Script;
  readonly #records: Records;
  readonly #subscriptions = new Map<string, string>();
  readonly #ended = new AbortController();
  #greeted: Promise<void> = Promise.resolve();
  #greeting = false;
  #pull: Pull | undefined;

  constructor(socket: WebSocket, script: Script, records: Records) {
    this.#socket = socket;
    this.#script = script;
    this.#records = records;
    const parser = new ClientParser();
    socket.on("error", () => {}); // Many tests end with a reset.
    socket.once("close", () => this.#ended.abort());
    // `ws` hands out a Buffer for every message while binaryType is left alone.
    socket.on("message", (data: Buffer) => {
      try {
        for (const command of parser.push(data)) this.#inOrder(command);
      } catch (error) {
        this.#error(`Unknown Protocol Operation: ${error instanceof Error ? error.message : String(error)}`);
        socket.close(1002);
      }
      records.changed();
    });
    this.#sendInfo();
  }

  /** What comes in one frame with the sign-in is obeyed when the script has answered the sign-in, as a real server does. */
  #inOrder(command: ClientCommand): void {
    if (command.op === "CONNECT" || !this.#greeting) {
      this.#obey(command);
      return;
    }
    void this.#greeted.then(() => {
      this.#obey(command);
      this.#records.changed();
    });
  }

  reset(): void {
    this.#ended.abort();
    this.#socket.terminate();
  }

  async play(steps: readonly Step[], pull: Pull | undefined = this.#pull): Promise<void> {
    for (const step of steps) {
      if (this.#ended.signal.aborted) return;
      await this.#playStep(step, pull);
    }
  }

  async #playStep(step: Step, pull: Pull | undefined): Promise<void> {
    if ("deliver" in step) await this.#repeat(step.times, () => this.#deliver(step, pull));
    else if ("status" in step)
      this.#tell(pull, `${step.status} ${step.description ?? ""}`.trimEnd(), step.headers);
    else if ("heartbeat" in step) this.#tell(pull, "100 Idle Heartbeat");
    else if ("untilAcks" in step) await this.#records.until(() => this.#records.settled >= step.untilAcks);
    else await this.#playOnConnection(step);
  }

  async #playOnConnection(step: ConnectionStep): Promise<void> {
    if ("delayMs" in step)
      await pause(step.delayMs, undefined, { signal: this.#ended.signal }).catch(() => {});
    else if ("errLine" in step) this.#error(step.errLine);
    else if ("info" in step) this.#sendInfo(step.info);
    else if ("raw" in step) await this.#repeat(step.times, () => this.#send(Buffer.from(step.raw)));
    else if ("close" in step) this.#socket.close(1000);
    else if ("reset" in step) this.reset();
    else step satisfies never;
  }

  async #repeat(times: number | undefined, send: () => void): Promise<void> {
    for (let sent = 1; sent <= (times ?? 1) && !this.#ended.signal.aborted; sent += 1) {
      send();
      if (sent % FRAMES_PER_TURN > 0) continue;
      do await pause(1);
      while (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES && !this.#ended.signal.aborted);
    }
  }

  #obey(command: ClientCommand): void {
    switch (command.op) {
      case "CONNECT":
        this.#records.connects.push(JSON.parse(command.options));
        this.#greeting = true;
        this.#greeted = this.play(this.#script.connect ?? []).then(() => {
          this.#greeting = false;
        });
        return;
      case "PING":
        if (this.#records.pulls.length >= (this.#script.ignorePingsAfterPulls ?? Number.POSITIVE_INFINITY))
          return;
        this.#send(encodeLine("PONG"));
        return;
      case "PONG":
        return;
      case "SUB":
        this.#subscriptions.set(command.sid, command.subject);
        return;
      case "UNSUB":
        // A limit is the client's own affair too: it drops what comes beyond.
        if (command.max === undefined) this.#subscriptions.delete(command.sid);
        return;
      case "PUB":
        this.#receive(command);
        return;
      default:
        command satisfies never;
    }
  }

  #receive({ subject, reply, headers, data }: ClientPublish): void {
    const text = decoder.decode(data);
    const [, request, stream = "", consumer = ""] = API.exec(subject) ?? [];
    if (subject.startsWith("$JS.ACK.")) {
      // The ack subject ends in <stream sequence>.<consumer sequence>.<time>.<pending>, whichever form it has.
      this.#records.acks.push({ subject, sequence: Number(subject.split(".").at(-4)), payload: text });
      if (reply && this.#script.swallowAcks !== true) this.#to(reply, {});
    } else if (request === "INFO") {
      const { consumerInfo: given, laterConsumerInfo: later } = this.#script;
      const info = later && this.#records.pulls.length >= later.pulls ? later.answer : given;
      this.#answer(reply, info ?? { json: consumerInfo(stream, consumer) });
    } else if (request === "MSG.NEXT") {
      const steps = this.#script.pulls?.[this.#records.pulls.length] ?? [];
      this.#records.pulls.push({ subject, body: JSON.parse(text || "{}") });
      this.#pull = { stream, consumer, inbox: reply ?? "" };
      void this.play(steps);
    } else {
      if (!subject.startsWith("$JS."))
        this.#records.published.push({ subject, headers: decoder.decode(headers.encode()), text });
      this.#answer(
        reply,
        subject.startsWith("$JS.") ? "no-responders" : (this.#script.publish ?? "no-responders"),
      );
    }
  }

  #answer(reply: string | undefined, answer: Answer): void {
    if (answer === "silent" || reply === undefined) return;
    if (answer === "no-responders") this.#to(reply, { status: "503" });
    else if ("errLine" in answer) this.#error(answer.errLine);
    else if ("text" in answer) this.#to(reply, { data: answer.text });
    else this.#to(reply, { data: JSON.stringify(answer.json) });
  }

  #deliver(step: DeliverStep, pull: Pull | undefined): void {
    if (!pull) throw new Error("nothing to deliver to: no pull request has come");
    const { deliver: data, deliveryCount = 1, pending = 0, v2 = false } = step;
    const headers = fields(step.headers);
    if (step.reply !== undefined) {
      const reply = step.reply ?? undefined;
      this.#to(pull.inbox, {
        subject: step.subject ?? `${pull.stream}.event`,
        reply,
        headers,
        data,
      });
      return;
    }
    const sequence = step.sequence ?? this.#records.lastSequence + 1;
    this.#records.lastSequence = sequence;
    this.#records.deliveries += 1;
    const owner = v2 ? ["hub", "ACC0HASH"] : [];
    const counters = [deliveryCount, sequence, this.#records.deliveries, `${Date.now()}000000`, pending];
    const reply = ["$JS.ACK", ...owner, pull.stream, pull.consumer, ...counters].join(".");
    this.#to(pull.inbox, { subject: step.subject ?? `${pull.stream}.event`, reply, headers, data });
  }

  #tell(pull: Pull | undefined, status: string, headers?: Readonly<Record<string, string>>): void {
    if (!pull) throw new Error("nothing to answer: no pull request has come");
    this.#to(pull.inbox, { status, headers: fields(headers) });
  }

  /** Sends to whoever has subscribed to the inbox; to nobody, as a real server does, once there is an UNSUB. */
  #to(inbox: string, message: Partial<ServerMessage>): void {
    for (const [sid, pattern] of this.#subscriptions) {
      if (takesIn(pattern, inbox)) this.#send(encodeMessage({ subject: inbox, ...message }, sid));
    }
  }

  #error(text: string): void {
    this.#send(encodeLine(`-ERR '${text}'`));
  }

  #sendInfo(own: Readonly<Record<string, unknown>> = {}): void {
    this.#send(encodeLine(`INFO ${JSON.stringify({ ...SERVER_INFO, ...this.#script.serverInfo, ...own })}`));
  }

  #send(bytes: Uint8Array): void {
    // `ws` throws at a socket that is still opening, and reports one that has closed; neither is the script's concern.
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(bytes);
  }
}

function fields(headers: Readonly<Record<string, string>> = {}): [name: string, values: string[]][] {
  return Object.entries(headers).map(([name, value]) => [name, [value]]);
}

function consumerInfo(stream: string, consumer: string): unknown {
  const nothing = { consumer_seq: 0, stream_seq: 0 };
  return {
    type: "io.nats.jetstream.api.v1.consumer_info_response",
    stream_name: stream,
    name: consumer,
    created: "2026-01-01T00:00:00Z",
    config: {
      durable_name: consumer,
      deliver_policy: "all",
      ack_policy: "explicit",
      replay_policy: "instant",
      ack_wait: 30_000_000_000,
      max_deliver: -1,
      max_waiting: 512,
      max_ack_pending: 1_000,
    },
    delivered: nothing,
    ack_floor: nothing,
    num_ack_pending: 0,
    num_redelivered: 0,
    num_waiting: 0,
    num_pending: 0,
  };
}
