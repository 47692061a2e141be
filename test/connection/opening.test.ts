// A question that travels with the sign-in: it is answered once, in the order sent, and costs the handshake nothing.
import { createInbox, type Msg, PermissionViolationError } from "@nats-io/nats-core";
import { expect, onTestFinished, test } from "vitest";
import { connect } from "../../src/connection/connect.ts";
import { isAuthError } from "../../src/connection/failure.ts";
import { Answers } from "../../src/connection/inbox.ts";
import { readAnswer } from "../../src/connection/jetstream.ts";
import { nextTurn, now } from "../../src/deadline.ts";
import { readHeaders } from "../../src/message/headers.ts";
import type { RawMessage } from "../../src/message/received.ts";
import { labScripted, labServer } from "../support/lab-client.ts";

const ADMIN = { user: "admin", password: "admin-pw" };
const DRAIN = { user: "drain", password: "drain-pw" };

/** Connects with a question, as a drain does, and gives what came. */
async function ask(
  servers: string,
  subject: string,
  { auth = ADMIN, inbox: prefix = "_INBOX", ms = 10_000 } = {},
) {
  const first = Promise.withResolvers<RawMessage>();
  const answers = new Answers(prefix);
  const question = `PUB ${subject} ${answers.expect(first.resolve)} 0\r\n\r\n`;
  const request = { servers, auth, name: "opening", opening: { inboxes: [answers.inbox], question } };
  const attempt = await connect(request, now() + ms, new AbortController().signal);
  if (attempt.kind !== "connected") return attempt;
  const { connection } = attempt;
  onTestFinished(() => connection.close());
  const errors: Error[] = [];
  connection.onDenied((denied) => void errors.push(denied));
  return { kind: "connected" as const, connection, answers, errors, first: first.promise };
}

async function connected(...args: Parameters<typeof ask>) {
  const asked = await ask(...args);
  if (asked.kind !== "connected") throw new Error(asked.kind);
  return asked;
}

/** Whether what was expected has come, once all that the server had to say is here. */
async function hasCome({ connection, first }: Awaited<ReturnType<typeof connected>>): Promise<boolean> {
  await connection.nats.flush();
  await nextTurn();
  return await Promise.race([first.then(() => true), nextTurn().then(() => false)]);
}

test("an opening is answered, and the connection goes on as any other", async () => {
  const server = await labServer();
  const { connection, answers, first } = await connected(server.wsUrl, "$JS.API.INFO");
  const info = { type: "io.nats.jetstream.api.v1.account_info_response" };
  expect(readAnswer(await first)).toMatchObject(info);
  // Another question has an answer too, over the same subscription and over one of nats-core's.
  const { promise, resolve } = Promise.withResolvers<RawMessage>();
  connection.write(`PUB $JS.API.INFO ${answers.expect(resolve)} 0\r\n\r\n`);
  expect(readAnswer(await promise)).toMatchObject(info);
  const again = createInbox();
  const answer = new Promise<Msg>((received) => {
    connection.nats.subscribe(again, { callback: (_error, msg) => received(msg) });
  });
  connection.nats.publish("$JS.API.INFO", "", { reply: again });
  expect((await answer).subject).toBe(again);
});

test("an opening is answered by who has it with the sign-in", async () => {
  const server = await labScripted({ publish: { json: { answered: true } } });
  const { first } = await connected(server.wsUrl, "ask.me");
  expect(readAnswer(await first)).toEqual({ answered: true });
});

test("no responders to an opening are heard", async () => {
  const server = await labServer();
  const { first } = await connected(server.wsUrl, "nobody.answers");
  expect(readHeaders(await first).code).toBe(503);
});

test("an opening whose publish is denied is told as a denial, and the connection lives", async () => {
  const server = await labServer();
  const asked = await connected(server.wsUrl, "not.allowed", { auth: DRAIN });
  expect(await hasCome(asked)).toBe(false);
  expect(asked.errors).toEqual([expect.any(PermissionViolationError)]);
  expect(asked.errors[0]).toMatchObject({ operation: "publish", subject: "not.allowed" });
});

test("an opening whose subscription is denied is told as a denial, to whoever listens later too", async () => {
  const server = await labServer();
  const asked = await connected(server.wsUrl, "$JS.API.INFO", { auth: DRAIN, inbox: "not.mine" });
  expect(await hasCome(asked)).toBe(false);
  const denial = { operation: "subscription", subject: asked.answers.inbox.subject };
  expect(asked.errors).toContainEqual(expect.objectContaining(denial));
  const attempt = await connect(
    {
      servers: server.wsUrl,
      auth: DRAIN,
      name: "opening",
      opening: { inboxes: [asked.answers.inbox], question: "" },
    },
    now() + 10_000,
    new AbortController().signal,
  );
  if (attempt.kind !== "connected") throw new Error(attempt.kind);
  onTestFinished(() => attempt.connection.close());
  await attempt.connection.nats.flush();
  await nextTurn();
  const late: Error[] = [];
  attempt.connection.onDenied((denied) => void late.push(denied));
  expect(late).toEqual([expect.objectContaining(denial)]);
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
