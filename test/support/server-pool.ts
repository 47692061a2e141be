// Servers of the usual kind, lent to one test after the other: to start one costs more than most tests do. Each test gets one
// that has nothing, and gives it back unless it has sent it a signal or left a connection open.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerExhibit, serverExhibit } from "./exhibits.ts";
import { managerOf, startTestServer, type TestServer } from "./nats.ts";

interface Lent {
  readonly server: TestServer;
  readonly storeDir: string;
}

export class ServerPool {
  readonly #free: Lent[] = [];

  /** A server without streams, for whoever stops the exhibit. */
  async lend(): Promise<ServerExhibit> {
    const lent = this.#free.pop() ?? (await start());
    const { server } = lent;
    const { facts, methods } = serverExhibit(server);
    let harmed = false;
    return {
      facts,
      methods: {
        ...methods,
        signal: async (name: NodeJS.Signals) => {
          harmed = true;
          await methods.signal(name);
        },
      },
      stop: async () => {
        if (!harmed && (await emptied(lent))) this.#free.push(lent);
        else await end(lent);
      },
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#free.splice(0).map(end));
  }
}

async function start(): Promise<Lent> {
  const storeDir = await mkdtemp(join(tmpdir(), "sluice-lent-"));
  return { server: await startTestServer({ storeDir }), storeDir };
}

async function end({ server, storeDir }: Lent): Promise<void> {
  await server.stop();
  await rm(storeDir, { recursive: true, force: true });
}

/** A client that has hung up is still counted for a moment: so often the server is asked. */
const MAX_LOOKS = 20;
const MAX_REMOVAL_MS = 2_000;

/**
 * nats-server 2.15.1 removes the files of a deleted stream later, and one of the same name that is made before then has some of its
 * messages.
 */
async function filesAreGone(storeDir: string): Promise<boolean> {
  const accounts = join(storeDir, "jetstream");
  for (const until = performance.now() + MAX_REMOVAL_MS; performance.now() < until; ) {
    const names = await readdir(accounts).catch(() => []);
    const left = await Promise.all(
      names.map((name) => readdir(join(accounts, name, "streams")).catch(() => [])),
    );
    if (left.every((streams) => streams.length === 0)) return true;
  }
  return false;
}

/** Takes all streams away. Whether the server is as good as a new one. */
async function emptied({ server, storeDir }: Lent): Promise<boolean> {
  try {
    const { streams } = await managerOf(await server.admin());
    for await (const { config } of streams.list()) await streams.delete(config.name);
    if (!(await filesAreGone(storeDir))) return false;
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const response = await fetch(`${server.monitorUrl}/connz`);
      const { num_connections: open } = (await response.json()) as { num_connections: number }; // as nats-server documents it
      if (open === 1) return true;
    }
  } catch {
    // It is gone, or has lost the admin's connection.
  }
  return false;
}
