// The one place that reaches into nats-core's messages: the bytes of a header block, which its public face gives only as read
// by its own reader. test/headers.test.ts holds that the installed version has this shape.
import type { Msg } from "@nats-io/nats-core";
import type { MsgImpl } from "@nats-io/nats-core/internal";

const NONE = new Uint8Array();

/** The bytes of a message's headers, none where it has none; undefined where the message is not built as nats-core builds its own. */
export function headerBlockOf(msg: Msg): Uint8Array | undefined {
  const { _msg: arg, _rdata: data } = msg as Partial<MsgImpl>; // looked at before it is used
  if (typeof arg?.hdr !== "number" || !(data instanceof Uint8Array)) return undefined;
  // -1: a message without headers.
  return arg.hdr > 0 ? data.subarray(0, arg.hdr) : NONE;
}
