// The workflow that a schedule starts. Its one activity drains.
import { proxyActivities } from "@temporalio/workflow";
import type * as activities from "./activities.ts";

const { drainOrders } = proxyActivities<typeof activities>({
  startToCloseTimeout: "60 s",
  retry: { maximumAttempts: 4 },
});

export async function drain(): Promise<void> {
  await drainOrders();
}
