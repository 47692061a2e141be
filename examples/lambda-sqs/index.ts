// A Lambda function that an SQS queue invokes: a message says that there are orders.
import { defineDrain } from "sluice";
import { sqsHandler } from "sluice/lambda";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

export const handler = sqsHandler(orders);
