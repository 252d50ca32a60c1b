import { progressCommits } from '../../src/kafka/progress';
import { turn, virtualClock } from '../support/clock';

const EVERY_MS = 5_000;

/** Progress that is committed to a list, as long as no commit is to fail. */
function committing(failures = 0) {
  const clock = virtualClock();
  const stop = new AbortController();
  const committed: string[] = [];
  let left = failures;
  const progress = progressCommits(
    { clock, everyMs: EVERY_MS, signal: stop.signal },
    async (partition, positions) => {
      if (left-- > 0) throw new Error('the coordinator has moved');
      committed.push(`${partition}: ${positions.join(' ')}`);
    },
  );
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await turn();
  };
  return { clock, committed, pass, progress, stop };
}

describe('progress', () => {
  it('is committed five seconds after the last batch of a partition, though none follows', async () => {
    const { clock, committed, pass, progress } = committing();
    progress.record(0, [7]);
    progress.record(0, [8]);
    progress.record(1, [3]);
    await pass(EVERY_MS - 1);
    expect(committed).toEqual([]);
    await pass(1);
    expect(committed).toEqual(['0: 8', '1: 3']);
    progress.record(0, [9]);
    await pass(EVERY_MS);
    expect(committed.slice(2)).toEqual(['0: 9']);
    expect(clock.sleeping()).toBe(0);
  });

  it('is committed again where a commit failed, unless a newer position has come', async () => {
    const { committed, pass, progress } = committing(2);
    progress.record(0, [7]);
    progress.record(1, [3]);
    await pass(EVERY_MS);
    progress.record(0, [8]);
    expect(committed).toEqual([]);
    await pass(EVERY_MS);
    expect(committed.sort()).toEqual(['0: 8', '1: 3']);
  });

  it('is committed at once by a flush, and not again after the end', async () => {
    const { clock, committed, pass, progress, stop } = committing();
    progress.record(0, [7]);
    stop.abort();
    await progress.flush();
    expect(committed).toEqual(['0: 7']);
    await pass(EVERY_MS);
    expect([committed.length, clock.sleeping()]).toEqual([1, 0]);
  });

  it('is given up where its commit fails after the end', async () => {
    const { committed, progress, stop } = committing(1);
    stop.abort();
    progress.record(0, [7]);
    await turn();
    await progress.flush();
    expect(committed).toEqual([]);
  });

  it('is never replaced by an older one: a commit waits for the one before it, however late that fails', async () => {
    const clock = virtualClock();
    const asked: string[] = [];
    let refuse = (): void => undefined;
    const progress = progressCommits(
      { clock, everyMs: EVERY_MS, signal: new AbortController().signal },
      (_, [position]) => {
        asked.push(String(position));
        return asked.length > 1 ? Promise.resolve() : new Promise((_resolve, reject) => (refuse = reject));
      },
    );
    for (const position of [7, 8]) {
      progress.record(0, [position]);
      clock.advance(EVERY_MS);
      await turn();
    }
    expect(asked).toEqual(['7']);
    refuse();
    await turn();
    clock.advance(EVERY_MS);
    await turn();
    expect(asked).toEqual(['7', '8']);
  });
});
