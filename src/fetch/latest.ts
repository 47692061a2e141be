// The latest delivery, which says how many messages are left after it.
import { type DeliveryInfo, parseAckSubject } from "../message/ack-subject.ts";

export class LatestDelivery {
  #ackSubject: string | undefined;
  #info: DeliveryInfo | undefined;
  /** Deliveries so far that were not the first of their message, where their number is limited. */
  redelivered = 0;

  /** Another delivery came. It is read when it is asked for, which most never are. */
  set(ackSubject: string, limit: number | undefined): void {
    this.#ackSubject = ackSubject;
    this.#info = undefined;
    if (limit !== undefined && (this.info?.deliveryCount ?? 1) > 1) this.redelivered += 1;
  }

  /** What it says; undefined before the first. */
  get info(): DeliveryInfo | undefined {
    if (this.#ackSubject !== undefined) this.#info ??= parseAckSubject(this.#ackSubject);
    return this.#info;
  }

  /**
   * Nothing is left of what was there: a new message was the last, and what comes again comes
   * before new ones.
   */
  get isNewAndLast(): boolean {
    return this.info?.pending === 0 && this.info.deliveryCount === 1;
  }
}
