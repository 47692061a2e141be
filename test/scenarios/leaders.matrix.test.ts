// The consumer's leader changes under the handlers, in a cluster of three: an ack that went to nobody is not said to be
// confirmed, though the new leader answered one behind it.
import { expect, test } from "vitest";
import { defineDrain, type Message, type Report } from "../../src/index.ts";
import { labCluster } from "../support/lab-client.ts";
import { pause, total } from "./bed.ts";

// nats-io/nats.go #2063, nats-io/nats-server PR #5482: acks around a change of the leader, and what comes again after it.
test.for(["to another", "to another and back"])(
  "what is said to be acked around a change of the leader %s is acked",
  { timeout: 120_000 },
  async (where) => {
    const cluster = await labCluster();
    const isBack = where !== "to another";
    await cluster.createStream("ORDERS", { retention: "workqueue" as never });
    await cluster.createConsumer("ORDERS", "worker", { ack_wait: 60_000 * 1e6 });
    await cluster.publish("ORDERS.new", 40);
    const first = await cluster.consumerLeader("ORDERS", "worker");
    const handler = async ({ sequence }: Message): Promise<void> => {
      if (sequence === 6) {
        let leader = await cluster.stepDown("ORDERS", "worker");
        for (let step = 0; isBack && leader !== first && step < 8; step += 1)
          leader = await cluster.stepDown("ORDERS", "worker");
      }
      await pause(20);
    };
    const base = { servers: [...cluster.wsUrls], auth: { user: "drain", password: "drain-pw" } };
    const drain = defineDrain({ ...base, stream: "ORDERS", consumer: "worker", concurrency: 2, handler });
    const reports: Report[] = [];
    for (let run = 0; run < 4 && reports.at(-1)?.reason !== "empty"; run += 1)
      reports.push(await drain.run({ limitMs: 15_000 }));
    const { pending, ackPending } = await cluster.consumerState("ORDERS", "worker");
    const [settled, acked] = [40 - pending - ackPending, total(reports, "acked")];
    expect(acked).toBeLessThanOrEqual(settled);
    expect(settled).toBeLessThanOrEqual(acked + total(reports, "unconfirmed"));
  },
);
