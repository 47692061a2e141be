// A NATS server that follows a script, over WebSocket: for what no real server can be made to send on demand. It speaks
// just enough of the protocol for a drain, and remembers what the drain sent.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import {
  Conversation,
  Records,
  type SentAck,
  type SentMessage,
  type SentPull,
} from "./scripted/conversation.ts";
import type { Script, Step } from "./scripted/script.ts";

export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  readonly wsUrl: string;
  /** In the order of arrival. */
  acks(): readonly SentAck[];
  pulls(): readonly SentPull[];
  /** Everything published to a subject that is neither an ack nor of the JetStream API. */
  published(): readonly SentMessage[];
  /** The options of each CONNECT. */
  connects(): readonly unknown[];
  /** Connections open now. */
  connections(): number;
  /** Resolves once that many pull requests have come since the start. */
  oncePulls(count: number): Promise<void>;
  /** Resolves once that many messages have been settled since the start. */
  onceAcks(count: number): Promise<void>;
  /** Resolves once no connection is open. */
  onceGone(): Promise<void>;
  /** Plays steps on the latest pull request, now. */
  play(steps: readonly Step[]): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it on a free port of 127.0.0.1. */
export async function startScriptedServer(script: Script = {}): Promise<ScriptedServer> {
  const listener = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  const records = new Records();
  const open = new Set<Conversation>();
  let latest: Conversation | undefined;
  listener.on("connection", (socket) => {
    const conversation = new Conversation(socket, script, records);
    latest = conversation;
    open.add(conversation);
    socket.once("close", () => {
      open.delete(conversation);
      records.changed();
    });
  });
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo; // a TCP listener has no other kind of address

  const stop = async (): Promise<void> => {
    for (const conversation of open) conversation.reset();
    // A second call finds it closed, which is an error to `ws` and none here.
    await new Promise<void>((resolve) => listener.close(() => resolve()));
  };
  return {
    port,
    wsUrl: `ws://127.0.0.1:${port}`,
    acks: () => records.acks,
    pulls: () => records.pulls,
    published: () => records.published,
    connects: () => records.connects,
    connections: () => open.size,
    oncePulls: (count) => records.until(() => records.pulls.length >= count),
    onceAcks: (count) => records.until(() => records.settled >= count),
    onceGone: () => records.until(() => open.size === 0),
    play: async (steps) => {
      if (!latest) throw new Error("no connection to play on");
      await latest.play(steps);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
