// Where a connection was not made in time: whether anything is there at all.
import { connect } from "node:net";

const REACH_MS = 2_000;

/** What the machines of `servers` say to a plain connection, as a sentence. */
export async function reach(servers: string | readonly string[]): Promise<string> {
  const all = typeof servers === "string" ? [servers] : servers;
  const reached = await Promise.all(all.map(accepts));
  return reached.some(Boolean)
    ? "The port accepts connections and nothing answers behind it: the server is frozen or overloaded, " +
        "or what listens there is no nats-server."
    : "The port does not even accept a connection: a firewall drops it, or the machine is down.";
}

async function accepts(server: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, "");
  return await new Promise((resolve) => {
    const socket = connect({
      host,
      port: Number(port) || (protocol === "wss:" ? 443 : 80),
      timeout: REACH_MS,
    });
    const end = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", () => end(false));
  });
}
