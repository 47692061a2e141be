// The entry point by which this Worker calls itself for DRAINS. Only a binding of the same account
// reaches it, so it asks for no token.
import { WorkerEntrypoint } from "cloudflare:workers";
import type { Report } from "../index.ts";
import type { DrainCall } from "../triggers/cloudflare.ts";
import type { Vars } from "../vars/vars.ts";
import { drainCalled } from "./fan-out.ts";

export class Drains extends WorkerEntrypoint<Vars> {
  async drain(call: DrainCall): Promise<Report> {
    const running = drainCalled(this.env, call);
    // What it holds is settled also when its caller has gone away.
    this.ctx.waitUntil(running);
    return await running;
  }
}
