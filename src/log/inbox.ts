import { assert } from '../base/assert';
import type { Clock } from '../base/clock';
import type { EfsError } from '../base/errors';
import type { Batch, Inbox, TakeOptions } from './source';

/** The records that are buffered behind an inbox, whatever fills it. Synchronous throughout. */
export interface BufferedRecords {
  /** Number of records that `take` would return now. */
  size(): number;
  /** Whether `take` would advance: over records, or over offsets without one. */
  pending(): boolean;
  /** The reason why no record can follow, or null. */
  lost(): EfsError | null;
  /** At most `max` records. */
  take(max: number): Batch;
  lag(): readonly number[];
  heldBack(): readonly number[];
  caughtUp(): boolean;
  /** Releases everything. Called once. */
  drop(): void;
}

/** An inbox with the signal of its producer. */
export interface WokenInbox extends Inbox {
  /** To be called after every change of the buffered records. */
  wake(): void;
}

/** Makes an `Inbox` of buffered records: waits without polling, lingers, closes. One taker at a time. */
export function openInbox(clock: Clock, buffered: BufferedRecords): WokenInbox {
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
    while (!isOver && !closed && buffered.lost() === null && !enough()) await woken();
    timer.abort();
  };

  const takeNext = async ({ max, lingerMs, idleMs }: TakeOptions): Promise<Batch | null> => {
    if (idleMs !== undefined && !closed && !buffered.pending()) await wait(idleMs, () => buffered.pending());
    while (idleMs === undefined && !closed && buffered.lost() === null && !buffered.pending()) await woken();
    if (lingerMs > 0 && buffered.pending()) await wait(lingerMs, () => buffered.size() >= max);
    if (closed) return null;
    const lost = buffered.lost();
    if (lost !== null) throw lost;
    return buffered.take(max);
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
    lag: () => buffered.lag(),
    heldBack: () => buffered.heldBack(),
    caughtUp: () => buffered.caughtUp(),
    close() {
      if (closed) return;
      closed = true;
      buffered.drop();
      wake();
    },
    wake,
  };
}
