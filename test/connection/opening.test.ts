// A question that travels with the sign-in: it is answered once, in the order sent, and costs the handshake nothing.
import { createInbox, type Msg, PermissionViolationError } from "@nats-io/nats-core";
import { expect, onTestFinished, test } from "vitest";
import { connect } from "../../src/connection/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import { isAuthError } from "../../src/connection/failure.ts";
import { now } from "../../src/deadline.ts";
import { labScripted, labServer } from "../support/lab-client.ts";

const ADMIN = { user: "admin", password: "admin-pw" };
const DRAIN = { user: "drain", password: "drain-pw" };

/** Connects with a question, subscribes as the connection's owner does, and gives what came. */
async function ask(
  servers: string,
  subject: string,
  { auth = ADMIN, inbox = createInbox(), ms = 10_000 } = {},
) {
  const opening = `SUB ${inbox} 1\r\nPUB ${subject} ${inbox} 0\r\n\r\n`;
  const request = { servers, auth, name: "opening", opening };
  const attempt = await connect(request, now() + ms, new AbortController().signal);
  if (attempt.kind !== "connected") return attempt;
  const { connection } = attempt;
  onTestFinished(() => connection.close());
  const errors: Error[] = [];
  connection.onDenied((denied) => void errors.push(denied));
  const messages: Msg[] = [];
  const first = Promise.withResolvers<void>();
  connection.nats.subscribe(inbox, {
    callback: (error, msg) => {
      if (!error) messages.push(msg);
      first.resolve();
    },
  });
  connection.release();
  return { kind: "connected" as const, connection, messages, errors, first: first.promise };
}

async function connected(...args: Parameters<typeof ask>) {
  const asked = await ask(...args);
  if (asked.kind !== "connected") throw new Error(asked.kind);
  return asked;
}

const flush = async ({ nats }: Connection): Promise<void> => nats.flush();

test("an opening is answered once, and the connection goes on as any other", async () => {
  const server = await labServer();
  const { connection, messages, first } = await connected(server.wsUrl, "$JS.API.INFO");
  await first;
  await flush(connection);
  expect(messages.map((msg) => msg.json<{ type: string }>().type)).toEqual([
    "io.nats.jetstream.api.v1.account_info_response",
  ]);
  // Its subscription is nats-core's own: the next question has an answer too, and the end of it is an end.
  const again = createInbox();
  const answer = new Promise<Msg>((resolve) => {
    connection.nats.subscribe(again, { callback: (_error, msg) => resolve(msg) });
  });
  connection.nats.publish("$JS.API.INFO", "", { reply: again });
  expect((await answer).subject).toBe(again);
});

test("an opening is sent in the frame of the sign-in", async () => {
  const server = await labScripted({ publish: { json: { answered: true } } });
  const { connection, messages, first } = await connected(server.wsUrl, "ask.me");
  await first;
  expect(messages[0]?.json()).toEqual({ answered: true });
  expect(connection.openingWasSent).toBe(true);
});

test("no responders to an opening are heard", async () => {
  const server = await labServer();
  const { messages, first } = await connected(server.wsUrl, "nobody.answers");
  await first;
  expect(messages[0]?.headers?.code).toBe(503);
});

test("an opening whose publish is denied is told as a denial, and the connection lives", async () => {
  const server = await labServer();
  const { connection, errors, messages } = await connected(server.wsUrl, "not.allowed", { auth: DRAIN });
  await flush(connection);
  await new Promise((resolve) => setTimeout(resolve));
  expect(errors).toEqual([expect.any(PermissionViolationError)]);
  expect(errors[0]).toMatchObject({ operation: "publish", subject: "not.allowed" });
  expect(messages).toEqual([]);
});

test("an opening whose subscription is denied is told as a denial, and the connection lives", async () => {
  const server = await labServer();
  const asked = await connected(server.wsUrl, "$JS.API.INFO", { auth: DRAIN, inbox: "not.mine" });
  await asked.first;
  await flush(asked.connection);
  await new Promise((resolve) => setTimeout(resolve));
  expect(asked.errors[0]).toMatchObject({ operation: "subscription", subject: "not.mine" });
  expect(asked.messages).toEqual([]);
});

test("an opening with refused credentials is a refusal", async () => {
  const server = await labServer();
  const auth = { user: "admin", password: "wrong" };
  const asked = await ask(server.wsUrl, "$JS.API.INFO", { auth });
  expect(asked.kind === "failed" && isAuthError(asked.cause)).toBe(true);
});

test("an opening to a frozen server ends with the connect slice", async () => {
  const server = await labServer();
  await server.signal("SIGSTOP");
  const asked = await ask(server.wsUrl, "$JS.API.INFO", { ms: 300 });
  await server.signal("SIGCONT");
  expect(asked.kind).toBe("timeout");
});
