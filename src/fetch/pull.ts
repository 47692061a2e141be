// One pull request under way: sent, watched, and ended by what it was asked for, by a status, or by silence.
import type { Connection } from "../connection/connection.ts";
import { classifyPermission } from "../connection/failure.ts";
import { isDenied } from "../connection/jetstream.ts";
import { now, timer } from "../deadline.ts";
import { type Ending, ending } from "../report/reasons.ts";
import { type PullRequest, pullBody } from "./pull-request.ts";
import { type SilenceBounds, watchSilence } from "./silence.ts";

// How long deliveries may come after the status that all were made.
const GRACE_MS = 500;

export interface PullParts {
  readonly connection: Connection;
  /** `$JS.API.CONSUMER.MSG.NEXT.<stream>.<consumer>` */
  readonly subject: string;
  /** Where its deliveries and statuses come. */
  readonly inbox: string;
  readonly request: PullRequest;
  readonly bounds: SilenceBounds;
}

/**
 * How a pull request ended: by a status of the server or a failure; undefined when the drain's time was up.
 */
export type PullEnd = Ending | undefined;

/** A pull request under way. */
export class Pull {
  readonly inbox: string;
  /** Resolves once, with how it ended; never rejects. */
  readonly ended: Promise<PullEnd>;
  readonly #request: PullRequest;
  readonly #watch: ReturnType<typeof watchSilence>;
  #forget: () => void = () => {};
  readonly #resolve: (end: PullEnd) => void;
  readonly #startedAt = now();
  /** Until it ends, where the server has said all that it will. */
  #delay: ReturnType<typeof timer> | undefined;
  #open = true;
  delivered = 0;

  /** Messages that it asked for. */
  get batch(): number {
    return this.#request.batch;
  }

  constructor({ connection, subject, inbox, request, bounds }: PullParts) {
    const { promise, resolve } = Promise.withResolvers<PullEnd>();
    this.inbox = inbox;
    this.ended = promise;
    this.#resolve = resolve;
    this.#request = request;
    this.#watch = watchSilence(bounds, (late) => {
      if (late === "deadline") this.end(undefined);
      else if (connection.shuttingDown) {
        this.end(ending("server-shutdown", "It had announced it (lame duck mode)."));
      } else {
        this.end(
          ending("heartbeat-lost", `No frame for ${late.silentMs} ms. Check that the server is alive.`),
        );
      }
    });
    this.#forget = connection.onDenied((denied) => {
      if (isDenied(denied.subject, subject)) this.end(classifyPermission(denied));
    });
    // By what the server's INFO says of itself, nats-core may take nothing.
    if (!connection.publish(subject, pullBody(request), inbox))
      connection.fail("takes no message as large as a pull request (its max_payload)");
  }

  /** Something came on its inbox. */
  frame(): void {
    this.#watch.frame();
  }

  /** One of its deliveries came. */
  deliver(): void {
    this.#watch.frame();
    this.delivered += 1;
    // A batch that is filled exactly has no status of its own.
    if (this.delivered >= this.#request.batch) this.end(ending("batch-full"));
  }

  /**
   * The server has given all, but not all of it is here: of a replicated consumer the status
   * overtakes the deliveries, which wait for a majority of the nodes (seen on 2.15.1).
   */
  completed(roundTripMs: number): void {
    this.#endIn(Math.max(GRACE_MS, 2 * roundTripMs), ending("batch-full"));
  }

  /** Whether it has brought nothing, and has waited for less than half of what it was to wait. */
  get isEarly(): boolean {
    return this.delivered === 0 && now() - this.#startedAt < this.#request.expiresMs / 2;
  }

  /** The server has said all that it will; the next pull request comes after a pause. */
  pause(pauseMs: number, how: PullEnd): void {
    this.#watch.stop();
    this.#endIn(pauseMs, how);
  }

  #endIn(delayMs: number, how: PullEnd): void {
    if (this.#delay) return;
    this.#delay = timer(delayMs);
    void this.#delay.fired.then(() => this.end(how));
  }

  end(how: PullEnd): void {
    if (!this.#open) return;
    this.#open = false;
    this.#delay?.cancel();
    this.#watch.stop();
    this.#forget();
    this.#resolve(how);
  }
}
