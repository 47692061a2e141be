// A request and its answer: whatever is answered, the connection lives on, and every way not to be
// answered is known at once.
import { ClosedConnectionError, PermissionViolationError, TimeoutError } from "@nats-io/nats-core";
import { expect, onTestFinished, test } from "vitest";
import type { Connection } from "../src/connection/connection.ts";
import { requestJetStream } from "../src/connection/jetstream.ts";
import { request } from "../src/connection/request.ts";
import { readHeaders } from "../src/message/headers.ts";
import { connectAs } from "./support/delivery.ts";
import { type LabServer, labProxy, labServer } from "./support/lab-client.ts";
import { blockOf } from "./support/raw-publisher.ts";

async function open(
  server: LabServer,
  user: "admin" | "drain" = "admin",
  url = server.wsUrl,
): Promise<Connection> {
  const connection = await connectAs(user, url);
  onTestFinished(() => connection.close());
  return connection;
}

test("an answer with headers that nats-core refuses is an answer, and the connection lives on", async () => {
  const server = await labServer();
  const { nats } = await open(server);
  const block = blockOf("no good: x", "Trace: a");
  const answered = new Promise<void>((resolve) => {
    nats.subscribe("ask", {
      callback: (_error, { reply = "" }) => resolve(server.publishRaw({ subject: reply, block })),
    });
  });
  const answer = await request(nats, "ask", "", { timeoutMs: 5_000 });
  expect(readHeaders(answer).get("Trace")).toBe("a");
  await answered;
  await nats.flush();
});

test("request(): no responders is known at once", async () => {
  const { nats } = await open(await labServer());
  expect(readHeaders(await request(nats, "ask", "", { timeoutMs: 20_000 })).code).toBe(503);
  await expect(requestJetStream(nats, "ask", "", { timeoutMs: 20_000 })).rejects.toThrow(/nothing answers/);
});

test("request(): silence is a timeout", async () => {
  const { nats } = await open(await labServer());
  nats.subscribe("ask", { callback: () => {} });
  await expect(request(nats, "ask", "", { timeoutMs: 100 })).rejects.toThrow(TimeoutError);
});

test("request(): a missing permission is known at once", async () => {
  const { nats } = await open(await labServer(), "drain");
  await expect(request(nats, "ask", "", { timeoutMs: 20_000 })).rejects.toThrow(PermissionViolationError);
});

test("the end of the connection is known at once, before the request and during it", async () => {
  const server = await labServer();
  const proxy = await labProxy(server);
  const { nats } = await open(server, "admin", proxy.url);
  nats.subscribe("ask", { callback: () => void proxy.cut() });
  await expect(request(nats, "ask", "", { timeoutMs: 20_000 })).rejects.toThrow(ClosedConnectionError);
  await expect(request(nats, "ask", "", { timeoutMs: 20_000 })).rejects.toThrow(ClosedConnectionError);
});

test("what cannot be sent is told, and leaves nothing behind", async () => {
  const { nats } = await open(await labServer());
  await expect(request(nats, "ask", "x".repeat(2_000_000), { timeoutMs: 20_000 })).rejects.toThrow(
    /max_payload/,
  );
  await nats.flush();
});
