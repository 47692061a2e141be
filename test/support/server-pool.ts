// Servers of the usual kind, lent to one test after the other: to start one costs more than most tests do. Each test gets one
// that has nothing, and gives it back unless it has sent it a signal or left a connection open.
import { jetstreamManager } from "@nats-io/jetstream";
import { type ServerExhibit, serverExhibit } from "./exhibits.ts";
import { startTestServer, type TestServer } from "./nats.ts";

export class ServerPool {
  readonly #free: TestServer[] = [];

  /** A server without streams, for whoever stops the exhibit. */
  async lend(): Promise<ServerExhibit> {
    const server = this.#free.pop() ?? (await startTestServer());
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
        if (!harmed && (await emptied(server))) this.#free.push(server);
        else await server.stop();
      },
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#free.splice(0).map((server) => server.stop()));
  }
}

/** A client that has hung up is still counted for a moment: so often the server is asked. */
const MAX_LOOKS = 20;

/** Takes all streams away. Whether the server is as good as a new one. */
async function emptied(server: TestServer): Promise<boolean> {
  try {
    const { streams } = await jetstreamManager(await server.admin());
    for await (const { config } of streams.list()) await streams.delete(config.name);
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
