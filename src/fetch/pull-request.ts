// What a pull request says. Pure.

/** How a pull request takes part in a priority group (ADR-42). */
export interface PriorityGroup {
  readonly group: string;
  /** With policy `overflow`: only while so many messages are pending, or wait for their ack. */
  readonly minPending?: number;
  readonly minAckPending?: number;
  /** With policy `prioritized`: 0 (first) to 9. */
  readonly priority?: number;
}
