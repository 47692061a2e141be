// What a newcomer reads on the dashboard alone, in each of the situations that doctor is for: the deployable Worker's pages, a
// real nats-server, and the button.
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Vars } from "../../src/vars/vars.ts";
import { workerApp } from "../../src/worker/app.ts";
import { pages } from "../../src/worker/dashboard.ts";
import { BUCKET, makeBucket } from "../support/bucket.ts";
import { connectAs } from "../support/delivery.ts";
import { type LabServer, labRefusedPort, labServer, labStatusPeer } from "../support/lab-client.ts";
import { ADMIN_USER, ADMIN_USER_CONFIG } from "../support/nats.ts";
import { TOKEN } from "./views.ts";

const ORIGIN = "https://sluice.example";
const SECOND_NS = 1_000_000_000;

interface World {
  readonly server: LabServer;
  readonly env: Vars;
}

/** A stream, a consumer and a history, and a Worker that drains it to a target that takes everything. */
async function given(consumer: object = {}, own?: LabServer): Promise<World> {
  const server = own ?? (await labServer());
  await server.createStream("ORDERS", { subjects: ["orders.>"] });
  await server.createConsumer("ORDERS", "billing", {
    ack_wait: 60 * SECOND_NS,
    max_deliver: 10,
    ...consumer,
  });
  const admin = await connectAs("admin", server.wsUrl);
  onTestFinished(() => admin.nats.close());
  await makeBucket(admin.nats);
  // The Worker's log, which a newcomer does not read here.
  for (const method of ["log", "warn", "error"] as const) vi.spyOn(console, method).mockReturnValue();
  onTestFinished(() => void vi.restoreAllMocks());
  const env = {
    NATS_URL: server.wsUrl,
    NATS_USER: ADMIN_USER.user,
    NATS_PASSWORD: ADMIN_USER.pass,
    NATS_STREAM: "ORDERS",
    NATS_CONSUMER: "billing",
    TARGET_URL: await targetOf(204),
    MAX_WAIT_MS: "500",
    LIMIT_MS: "5000",
    HISTORY_BUCKET: BUCKET,
    DRAIN_TOKEN: TOKEN,
  };
  return { server, env };
}

async function targetOf(status: number): Promise<string> {
  const { port } = await labStatusPeer(status);
  return `http://127.0.0.1:${port}/`;
}

/** The page after so many presses of the button: its text, without the drawing. */
async function page(env: Vars, presses = 0): Promise<string> {
  const worker = workerApp(pages);
  const ask = async (path: string, init: RequestInit): Promise<Response> =>
    await worker.fetch(new Request(`${ORIGIN}${path}`, init), env);
  const form = (fields: Record<string, string>, Cookie = ""): RequestInit => {
    return { method: "POST", body: new URLSearchParams(fields), headers: { Origin: ORIGIN, Cookie } };
  };
  const cookieOf = ({ headers }: Response): string => headers.get("Set-Cookie")?.split(";")[0] ?? "";
  const session = cookieOf(await ask("/login", form({ token: TOKEN })));
  let last = "";
  for (let press = 0; press < presses; press += 1)
    last = cookieOf(await ask("/drain-now", form({}, session)));
  const html = await (await ask("/", { headers: { Cookie: `${session}; ${last}` } })).text();
  const text = html.replaceAll(/<(style|svg)[\s\S]*?<\/\1>/g, "").replaceAll(/<[^>]+>/g, "\n");
  return text.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll(/\n+/g, "\n");
}

/** What stands under the heading of what is wrong with the consumer now. */
function wrongNow(text: string): string {
  return /\nWrong now\n([\s\S]*?)\nLast drains\n/.exec(text)?.[1] ?? "";
}

it("the dashboard finds nothing wrong where all is well", async () => {
  const { server, env } = await given();
  await server.publish("orders.eu", 3);
  const text = await page(env, 1);
  expect(text).toContain("completed: empty");
  expect(text).toContain("Findings\nNone.");
  expect(wrongNow(text)).toBe("");
});

describe("the dashboard names", () => {
  it("a wrong stream name, and the one that may be meant", async () => {
    const { env } = await given();
    const text = await page({ ...env, NATS_STREAM: "ODERS" }, 1);
    expect(wrongNow(text)).toContain('There is no stream "ODERS" in this account. Did you mean "ORDERS"?');
    expect(text).toContain("fatal: stream-not-found");
  });

  it("a wrong consumer name, and the one that may be meant", async () => {
    const { env } = await given();
    const text = await page({ ...env, NATS_CONSUMER: "biling" });
    expect(wrongNow(text)).toContain('Did you mean "billing"?');
  });

  it("a filter that matches nothing of what is there", async () => {
    const { server, env } = await given({ filter_subject: "orders.us" });
    await server.publish("orders.eu", 2);
    expect(wrongNow(await page(env))).toContain('its filter, "orders.us", matches none of them');
  });

  it("priority groups, without which the Worker's pull is refused", async () => {
    const { env } = await given({ priority_groups: ["A"], priority_policy: "overflow" });
    expect(wrongNow(await page(env))).toContain('The consumer has priority groups, "A"');
  });

  it("an address where a gateway answers, and the command that shows what it says", async () => {
    const { env } = await given();
    const { port } = await labStatusPeer(502);
    const text = await page({ ...env, NATS_URL: `ws://127.0.0.1:${port}/nats` });
    expect(text).toContain("A gateway is there, and reaches no nats-server behind it.");
    expect(wrongNow(text)).toContain(`curl -sSi 'http://127.0.0.1:${port}/nats'`);
  });

  it("a denied permission, and what the user must be allowed", async () => {
    const server = await labServer({
      authorization: `accounts { APP { jetstream: enabled, users: [ ${ADMIN_USER_CONFIG},
        { user: drain, password: "drain-pw", permissions: {
          publish: { allow: ["$JS.API.CONSUMER.INFO.>"] }, subscribe: { allow: ["_INBOX.>"] } } } ] } }`,
    });
    const { env } = await given({}, server);
    const text = await page({ ...env, NATS_USER: "drain", NATS_PASSWORD: "drain-pw" }, 1);
    expect(text).toContain('Allow the user to publish to "$JS.API.CONSUMER.MSG.NEXT.ORDERS.billing".');
    expect(text).toContain("\nnpx sluice permissions --stream ORDERS --consumer billing\n");
  });

  it("a frozen server", async () => {
    const { server, env } = await given();
    await server.signal("SIGSTOP");
    const text = await page(env, 1);
    await server.signal("SIGCONT");
    expect(text).toContain("retryable: connect-timeout");
    expect(text).toMatch(/Check that ws:\S+ is nats-server's WebSocket listener and is alive\./);
  });

  it("a consumer that its InactiveThreshold deleted between two drains", async () => {
    const { server, env } = await given({ inactive_threshold: SECOND_NS });
    await page(env, 1);
    await vi.waitFor(
      () => expect(server.consumerState("ORDERS", "billing")).rejects.toThrow("consumer not found"),
      { timeout: 20_000, interval: 100 },
    );
    for (const presses of [0, 1]) {
      const found = wrongNow(await page(env, presses));
      expect(found).toMatch(/It was there when the drain of \S+ ran, and is gone: its InactiveThreshold/);
      expect(found).toMatch(/\nnats consumer add ORDERS billing .*--inactive-threshold 0s/);
    }
  });

  it("a poison message among others, and which it is", async () => {
    const { server, env } = await given();
    await server.publish("orders.eu", 5);
    const failing = await targetOf(500);
    const TARGET = {
      fetch: async (_: string, { headers }: RequestInit = {}) =>
        await fetch(new Headers(headers).get("ce-id") === "ORDERS:3" ? failing : (env.TARGET_URL ?? ""), {
          method: "POST",
        }),
    };
    let found = "";
    while ((await server.consumerState("ORDERS", "billing")).redelivered === 0)
      found = wrongNow(await page({ ...env, TARGET }, 1));
    expect(found).toContain("a poison message. The oldest that is not settled is ORDERS:3.");
    expect(found).toContain("\nnats stream get ORDERS 3");
  });

  it("a handler slower than its ack wait", async () => {
    const { env } = await given({ ack_wait: SECOND_NS });
    const text = await page({ ...env, HANDLER_TIMEOUT_MS: "3000" }, 1);
    expect(text).toContain("The ack wait is 1s, and a handler may take 3s");
    expect(text).toContain("\nnats consumer edit ORDERS billing --wait 6s --force\n");
  });

  it("a max deliver that runs out before the backlog does, and that it has", async () => {
    const { server, env } = await given({ max_deliver: 2 });
    expect(await page(env, 1)).toContain("Max deliver is 2, too few");
    await server.publish("orders.eu", 3);
    const down = { ...env, TARGET_URL: await targetOf(503) };
    let found = "";
    await vi.waitFor(
      async () => {
        found = wrongNow(await page(down, 1));
        expect(await server.consumerState("ORDERS", "billing")).toMatchObject({ ackPending: 0 });
      },
      { timeout: 20_000, interval: 50 },
    );
    expect(found).toContain("3 messages used up max deliver (2) without success");
  });

  it.each(["refuses connections", "answers 503"])("a target that is down: it %s", async (how) => {
    const { server, env } = await given();
    await server.publish("orders.eu", 8);
    const refused = async (): Promise<string> => `http://127.0.0.1:${(await labRefusedPort()).port}/`;
    const TARGET_URL = how === "answers 503" ? await targetOf(503) : await refused();
    const text = await page({ ...env, TARGET_URL }, 1);
    expect(text).toContain("retryable: handlers-failing");
    const found = wrongNow(await page({ ...env, TARGET_URL }, 1));
    expect(found).toMatch(/In the last \d drains \d messages failed and none succeeded: .* is down/);
  });
});
