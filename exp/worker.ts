import { eventConstants, eventHeaders, forwardedNames } from "../src/worker/event-headers.ts";
import { HeaderMap } from "../src/message/headers.ts";
interface Ask { url: string; messages: number; bytes: number; concurrency: number; variant: string }
async function floor(ask: Ask): Promise<number> {
  const { url, messages, concurrency, variant } = ask;
  const v = new Set(variant.split("+"));
  const stream = "BENCH-1", consumer = "run-0000", subject = "BENCH-1.message";
  const body = new Uint8Array(ask.bytes).fill(120);
  const constants = eventConstants(stream, consumer, forwardedNames([]));
  let next = 1, posted = 0;
  const shared = new AbortController();
  const loop = async (): Promise<void> => {
    while (next <= messages) {
      const seq = next;
      const sequence = String(next);
      next += 1;
      let headers: any;
      if (v.has("eh")) {
        const m: any = { headers: new HeaderMap(), sequence: seq, subject, deliveryCount: 1, operation: "put", timestamp: new Date(1764055000000 + seq) };
        headers = eventHeaders(m, constants);
        if (v.has("rec")) headers = Object.fromEntries(headers);
      } else {
        headers = [
          ["Content-Type", "application/octet-stream"],
          ["Idempotency-Key", `${stream}:${sequence}`],
          ["ce-specversion", "1.0"],
          ["ce-id", `${stream}:${sequence}`],
          ["ce-source", `/nats/streams/${stream}`],
          ["ce-type", "io.nats.jetstream.message"],
          ["ce-natsstream", stream],
          ["ce-natssequence", sequence],
          ["ce-natsconsumer", consumer],
          ["ce-natsdeliverycount", "1"],
          ["ce-natsoperation", "put"],
          ["ce-natssubject", subject],
          ["ce-subject", subject],
          ["ce-time", "2026-11-25T07:00:00.000Z"],
        ];
        if (v.has("rec")) headers = Object.fromEntries(headers);
        if (v.has("Hdr")) headers = new Headers(headers);
      }
      const init: any = { method: "POST", headers, body, redirect: "manual" };
      let t: any;
      if (v.has("shared")) init.signal = shared.signal;
      if (v.has("own")) init.signal = new AbortController().signal;
      if (v.has("timer")) t = setTimeout(() => {}, 30_000);
      const response = await fetch(url, init);
      if (v.has("timer")) clearTimeout(t);
      if (v.has("cancel")) { Promise.resolve((response.body as any)?.cancel?.()).catch(() => {}); }
      if (v.has("t0")) setTimeout(() => {}, 0);
      if (v.has("hops")) { for (let i = 0; i < 6; i++) await null; }
      if (response.ok) posted += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  return posted;
}
export default { fetch: async (request: Request) => Response.json(await floor((await request.json()) as Ask)) };
