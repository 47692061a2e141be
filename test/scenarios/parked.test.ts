// A message that must stay in its stream holds up none behind it: whoever may publish one would else stop a consumer of
// max_ack_pending 1 with it, and any other with as many as it allows.
import { expect, test } from "vitest";
import { type Message, type Report, reject } from "../../src/index.ts";
import { blockOf } from "../support/raw-publisher.ts";
import { scenarioServer, total } from "./bed.ts";

const given = scenarioServer();
const ADMIN = { user: "admin", password: "admin-pw" };

interface Hostile {
  readonly block?: string;
  readonly body?: string;
  readonly auth?: typeof ADMIN;
}

/** A message that is rejected, and three behind it; what five drains come to. */
async function drained(
  { auth, ...raw }: Hostile,
  consumer: Record<string, unknown> = {},
  config: Record<string, unknown> = {},
) {
  const { server, stream, drain } = await given(0, { max_ack_pending: 1, ...consumer }, config);
  await server.createStream(`${stream}DLQ`, { subjects: [`dlq.${stream}`] });
  const block = raw.block?.replaceAll("STREAM", stream);
  await server.publishRaw({ subject: `${stream}.event`, body: "no", ...raw, ...(block ? { block } : {}) });
  await server.publish(`${stream}.event`, 3, ["honest"]);
  let honest = 0;
  const handler = (message: Message) => {
    if (message.data.length !== "honest".length) return reject("no good");
    honest += 1;
    return undefined;
  };
  const options = {
    handler,
    deadLetter: { subject: `dlq.${stream}` },
    retryDelay: () => 20,
    ...(auth && { auth }),
  };
  const reports: Report[] = [];
  for (let run = 0; run < 5; run += 1) reports.push(await drain(options));
  const letters = await server.messages(`${stream}DLQ`);
  return { reports, letters, honest, left: (await server.streamState(stream)).messages };
}

test.each([
  ["of the consumer's own", ["Sluice-Stream: STREAM", "Sluice-Consumer: worker"]],
  [
    "made by its drain just now",
    ["Sluice-Stream: STREAM", "Sluice-Consumer: worker", "Sluice-Subject: STREAM.event"],
  ],
  ["that is a stub", ["Sluice-Stream: STREAM", "Sluice-Consumer: worker", "Sluice-Stub: true"]],
  ["of another", ["Sluice-Stream: STREAM", "Sluice-Consumer: other"]],
  ["with an impossible copy", ["Sluice-Stream: STREAM", "Sluice-Consumer: worker", "Sluice-Copy: 101"]],
])("a message that says it is a dead letter %s is one like any other", async (_, lines) => {
  const { reports, letters, honest } = await drained({ block: blockOf(...lines) });
  expect(honest).toBe(3);
  expect(total(reports, "deadLettered")).toBe(1);
  expect(letters).toMatchObject([{ data: "no", headers: { "Sluice-Reason": "no good" } }]);
});

const LARGE = "x".repeat(1_048_576);

test("a stub's message is termed where the stream keeps it all the same", async () => {
  const { reports, letters, honest, left } = await drained({ body: LARGE, auth: ADMIN });
  expect(honest).toBe(3);
  expect(letters).toMatchObject([{ data: "", headers: { "Sluice-Stub": "true", "Sluice-Sequence": "1" } }]);
  expect(left).toBe(4);
  expect(reports.map(({ deadLettered, fetched }) => [deadLettered, fetched])).toEqual([
    [1, 4],
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
});

test.each([
  ["a work queue", "workqueue", ADMIN],
  ["a stream that the user may not ask about", "limits", undefined],
])(
  "of %s a stub's message comes again until its deliveries are used up, and stays",
  async (_, retention, auth) => {
    const { reports, letters, honest, left } = await drained(
      { body: LARGE, ...(auth && { auth }) },
      { max_deliver: 3 },
      { retention },
    );
    expect(honest).toBe(3);
    expect(letters).toHaveLength(1);
    expect(left).toBe(retention === "limits" ? 4 : 1);
    expect(
      ["deadLettered", "retried", "exhausted"].map((count) => total(reports, count as "retried")),
    ).toEqual([1, 1, 1]);
  },
);
