import { assert } from '../base/assert';
import type { Clock } from '../base/clock';
import type { Batch, Inbox, TakeOptions } from './source';

/** The records that wait behind an inbox, whatever fills it. Synchronous throughout. */
export interface Waiting {
  /** Number of records that `take` would return now. */
  size(): number;
  /** Whether `take` would advance: over records, or over offsets without one. */
  pending(): boolean;
  /** The reason why no record can follow, or null. */
  lost(): unknown;
  /** At most `max` records. */
  take(max: number): Batch;
  lag(): readonly number[];
  caughtUp(): boolean;
  /** Releases everything. Called once. */
  drop(): void;
}

/** An inbox with the signal of its producer. */
export interface WokenInbox extends Inbox {
  /** To be called after every change of the waiting records. */
  wake(): void;
  readonly closed: boolean;
}

/** Makes an `Inbox` of `Waiting`: waits without polling, lingers, closes. One taker at a time. */
export function openInbox(clock: Clock, waiting: Waiting): WokenInbox {
  let closed = false;
  let taking = false;
  let notify: (() => void) | null = null;

  const wake = (): void => notify?.();
  const woken = (): Promise<void> =>
    new Promise((resolve) => {
      notify = () => {
        notify = null;
        resolve();
      };
    });

  /** Waits at most `ms`: until `enough` holds after a change, or the inbox ends. */
  const wait = async (ms: number, enough: () => boolean): Promise<void> => {
    const timer = new AbortController();
    let isOver = false;
    void clock.sleep(ms, timer.signal).then(() => {
      isOver = true;
      wake();
    });
    while (!isOver && !closed && waiting.lost() === null && !enough()) await woken();
    timer.abort();
  };

  const takeNext = async ({ max, lingerMs, idleMs }: TakeOptions): Promise<Batch | null> => {
    if (idleMs !== undefined && !closed && !waiting.pending()) await wait(idleMs, () => waiting.pending());
    while (idleMs === undefined && !closed && waiting.lost() === null && !waiting.pending()) await woken();
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
