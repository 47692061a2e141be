// Before the first test that needs it: the laboratory, in a process of its own. One for all projects of a run.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import type { Certificates } from "./certificates.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Paths of the certificates; the configuration made them. */
    certificates: Certificates;
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const running = process.env.SLUICE_LAB_URL;
  if (running !== undefined) {
    project.provide("labUrl", running);
    return;
  }
  const lab = await startLabProcess();
  process.env.SLUICE_LAB_URL = lab.url;
  project.provide("labUrl", lab.url);
  return async () => {
    delete process.env.SLUICE_LAB_URL;
    await lab.stop();
  };
}

async function startLabProcess(): Promise<{ url: string; stop(): Promise<void> }> {
  const script = fileURLToPath(new URL("lab-process.ts", import.meta.url));
  const isNode = !("deno" in process.versions || "bun" in process.versions);
  const child = spawn(isNode ? process.execPath : "node", [script], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  for await (const url of createInterface(child.stdout)) {
    return {
      url,
      stop: async () => {
        child.stdin.end();
        await ended;
      },
    };
  }
  throw new Error("the laboratory ended before it said where it listens");
}
