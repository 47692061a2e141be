// A value, also an empty one, can be told from the markers that say that a value is gone.
import { expect, onTestFinished, test } from "vitest";
import { bytesOf } from "../src/message/header-block.ts";
import { HeaderMap } from "../src/message/headers.ts";
import type { DeliveredMessage } from "../src/message/message.ts";
import { type Operation, readOperation } from "../src/message/operation.ts";
import { connectAs, pullOne } from "./support/delivery.ts";
import { labServer } from "./support/lab-client.ts";
import { blockOf } from "./support/raw-publisher.ts";

const SECOND = 1_000_000_000; // in nanoseconds, as JetStream has it

test("every operation of a key-value bucket has its name", async () => {
  const server = await labServer();
  // As the libraries make a bucket whose delete markers expire.
  await server.createStream("KV_conf", {
    subjects: ["$KV.conf.>"],
    allow_rollup_hdrs: true,
    allow_msg_ttl: true,
    subject_delete_marker_ttl: SECOND,
  });
  await server.createConsumer("KV_conf", "worker");
  const connection = await connectAs("admin", server.wsUrl);
  onTestFinished(() => connection.close());
  const { nats } = connection;
  const next = async (): Promise<DeliveredMessage> => await pullOne(nats, "KV_conf", "worker");
  const publish = async (key: string, ...headers: string[]): Promise<DeliveredMessage> => {
    await server.publishRaw({ subject: `$KV.conf.${key}`, block: blockOf(...headers) });
    return await next();
  };

  expect((await publish("a")).operation).toBe("put");
  expect((await publish("a", "KV-Operation: PUT")).operation).toBe("put");
  expect((await publish("a", "KV-Operation: DEL")).operation).toBe("delete");
  expect((await publish("a", "KV-Operation: PURGE", "Nats-Rollup: sub")).operation).toBe("purge");

  if (/^2\.(9|10)\./.test(server.version)) return; // it has no TTL of a message
  await publish("b", "Nats-TTL: 1");
  const marker = await next();
  expect([marker.subject, marker.operation, marker.data.length]).toEqual(["$KV.conf.b", "expired", 0]);
});

test.each<[operation: Operation, headers: string[]]>([
  ["expired", ["Nats-Marker-Reason: MaxAge"]],
  ["purge", ["Nats-Marker-Reason: Purge"]],
  ["delete", ["Nats-Marker-Reason: Remove"]],
  ["delete", ["Nats-Marker-Reason: OfALaterServer"]],
  ["expired", ["KV-Operation: PUT", "Nats-Marker-Reason: MaxAge"]],
  ["put", ["KV-Operation: OfALaterClient"]],
  ["put", ["KV-Operation:", "Nats-Marker-Reason:"]],
  ["delete", ["not a header", "KV-Operation: DEL"]],
])("message.operation is %s of a message with %j", (operation, lines) => {
  expect(readOperation(new HeaderMap(bytesOf(blockOf(...lines))))).toBe(operation);
});
