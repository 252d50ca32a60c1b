import { assert } from '../base/assert';
import type { Clock } from '../base/clock';
import type { Batch, Inbox } from './source';

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

  const linger = async (ms: number, max: number): Promise<void> => {
    const timer = new AbortController();
    let over = false;
    void clock.sleep(ms, timer.signal).then(() => {
      over = true;
      wake();
    });
    while (!over && !closed && waiting.lost() === null && waiting.size() < max) await rung();
    timer.abort();
  };

  const takeNext = async (max: number, lingerMs: number): Promise<Batch | null> => {
    let lingered = lingerMs <= 0;
    for (;;) {
      if (closed) return null;
      const lost = waiting.lost();
      if (lost !== null) throw lost;
      if (!waiting.pending()) await rung();
      else if (lingered) return waiting.take(max);
      else {
        await linger(lingerMs, max);
        lingered = true;
      }
    }
  };

  return {
    async take({ max, lingerMs }) {
      assert(!taking, 'an inbox has one taker at a time');
      taking = true;
      try {
        return await takeNext(max, lingerMs);
      } finally {
        taking = false;
      }
    },
    lag: () => waiting.lag(),
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
