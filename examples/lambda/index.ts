// A scheduled Lambda function that drains orders.
import { defineDrain } from "sluice";
import { lambdaHandler } from "sluice/lambda";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

export const handler = lambdaHandler(orders);
