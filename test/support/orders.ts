// The server that the examples are written for: the stream ORDERS with two messages, the consumer billing, a token.
import { expect } from "vitest";
import { type LabServer, labServer } from "./lab-client.ts";

export interface Orders {
  readonly server: LabServer;
  /** What the examples read from their environment. */
  readonly login: { readonly NATS_URL: string; readonly NATS_TOKEN: string };
  /** Resolves when both messages are acked. */
  drained(): Promise<void>;
}

/** The token of every server here. */
export const NATS_TOKEN = "s3cret";

export async function givenOrders(): Promise<Orders> {
  const server = await labServer({
    authorization: `authorization { token: ${NATS_TOKEN} }`,
    adminLogin: { token: NATS_TOKEN },
  });
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "billing");
  await server.publish("ORDERS.new", 2);
  const left = async (): Promise<number> => {
    const { pending, ackPending } = await server.consumerState("ORDERS", "billing");
    return pending + ackPending;
  };
  return {
    server,
    login: { NATS_URL: server.wsUrl, NATS_TOKEN },
    drained: async () => await expect.poll(left, { timeout: 25_000, interval: 50 }).toBe(0),
  };
}
