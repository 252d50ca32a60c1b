import { assert } from '../base/assert';
import type { Clock } from '../base/clock';
import type { Batch, Inbox, TakeOptions } from './source';

/** What waits behind an inbox, however it came there. All of it is synchronous. */
export interface Waiting {
  /** Records that `take` could give now. */
  size(): number;
  /** Whether `take` would get anywhere: records, or offsets that hold none. */
  pending(): boolean;
  /** Why nothing more can ever come, or null. */
  lost(): unknown;
  /** At most `max` records. */
  take(max: number): Batch;
  lag(): readonly number[];
  caughtUp(): boolean;
  /** Lets go of everything. Called once. */
  drop(): void;
}

/** An inbox and the bell that whoever fills it rings. */
export interface WokenInbox extends Inbox {
  /** Something has changed in what waits. */
  wake(): void;
  readonly closed: boolean;
}

/** Gives `Waiting` the manners of an `Inbox`: waiting without polling, lingering, closing. One taker at a time. */
export function openInbox(clock: Clock, waiting: Waiting): WokenInbox {
  let closed = false;
  let taking = false;
  let ring: (() => void) | null = null;

  const wake = (): void => ring?.();
  const rung = (): Promise<void> =>
    new Promise((resolve) => {
      ring = () => {
        ring = null;
        resolve();
      };
    });

  /** Waits at most `ms`, or less: until `enough` holds whenever something changes, or the inbox ends. */
  const wait = async (ms: number, enough: () => boolean): Promise<void> => {
    const timer = new AbortController();
    let over = false;
    void clock.sleep(ms, timer.signal).then(() => {
      over = true;
      wake();
    });
    while (!over && !closed && waiting.lost() === null && !enough()) await rung();
    timer.abort();
  };

  const takeNext = async ({ max, lingerMs, idleMs }: TakeOptions): Promise<Batch | null> => {
    if (idleMs !== undefined && !closed && !waiting.pending()) await wait(idleMs, () => waiting.pending());
    while (idleMs === undefined && !closed && waiting.lost() === null && !waiting.pending()) await rung();
    if (lingerMs > 0 && waiting.pending()) await wait(lingerMs, () => waiting.size() >= max);
    if (closed) return null;
    const lost = waiting.lost();
    if (lost !== null) throw lost;
    return waiting.take(max);
  };

  return {
    async take(options) {
      assert(!taking, 'an inbox has one taker at a time');
      taking = true;
      try {
        return await takeNext(options);
      } finally {
        taking = false;
      }
    },
    lag: () => waiting.lag(),
    caughtUp: () => waiting.caughtUp(),
    close() {
      if (closed) return;
      closed = true;
      waiting.drop();
      wake();
    },
    wake,
    get closed() {
      return closed;
    },
  };
}
