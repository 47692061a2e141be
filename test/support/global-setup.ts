// Before any test: a nats-server at hand, and the laboratory.
import type { TestProject } from "vitest/node";
import { findNatsBinary } from "../../src/demo/nats-binary.ts";
import type { Certificates } from "./certificates.ts";
import { startLab } from "./lab.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Paths of the certificates; vitest.config.ts made them. */
    certificates: Certificates;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Fetched once here, instead of once in each worker.
  const binary = await findNatsBinary({ log: (line) => console.log(line) });
  console.log(`nats-server ${binary.version} (${binary.source}: ${binary.path})`);
  const { certificates } = project.config.provide;
  if (!certificates) throw new Error("vitest.config.ts has made no certificates");
  const lab = await startLab(certificates);
  project.provide("labUrl", lab.url);
  return () => lab.stop();
}
