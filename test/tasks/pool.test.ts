import { EfsError } from '../../src/base/errors';
import { taskPool } from '../../src/tasks/pool';
import { Stopped } from '../../src/tasks/retry';
import type { Stopping, TaskEnd } from '../../src/tasks/task';
import { turn, virtualClock } from '../support/clock';

interface Run {
  readonly partition: number;
  readonly stopping: Stopping;
  readonly signal: AbortSignal;
  end(how: TaskEnd): void;
  fail(error: unknown): void;
  progress(): void;
}

/** A pool whose tasks run until the test ends them; a task ends by itself when its inbox is closed, if it is `polite`. */
function given({ polite = true } = {}) {
  const clock = virtualClock();
  const runs: Run[] = [];
  const fenced: number[] = [];
  const failed: (readonly [number, unknown])[] = [];
  const waits: number[] = [];
  const mended: number[] = [];
  const pool = taskPool({
    clock,
    onFenced: (partition) => fenced.push(partition),
    random: () => 0,
    onFailed: (partition, error, retryMs) => {
      failed.push([partition, error]);
      waits.push(retryMs);
    },
    onMended: (partition) => mended.push(partition),
    run: (partition, stopping, signal, progress) =>
      new Promise((end, fail) => {
        runs.push({ partition, stopping, signal, end, fail, progress });
        if (polite) stopping.closeInbox = () => end('stopped');
        signal.addEventListener('abort', () => fail(new Stopped('aborted')));
      }),
  });
  const started = () => runs.map(({ partition }) => partition);
  return { clock, pool, runs, fenced, failed, waits, mended, started };
}

describe('a pool of tasks', () => {
  it('runs exactly the assigned partitions, and does not restart those that stay', async () => {
    const { pool, runs, started } = given();
    pool.assign([0, 1, 2]);
    pool.assign([1, 2, 3]);
    await turn();
    expect(started()).toEqual([0, 1, 2, 3]);
    expect(pool.running()).toEqual([1, 2, 3]);
    expect(runs.map(({ stopping }) => stopping.requested)).toEqual([true, false, false, false]);
  });

  it('restarts a partition that is revoked and assigned again', async () => {
    const { pool, started } = given();
    pool.assign([0]);
    pool.assign([]);
    pool.assign([0]);
    await turn();
    expect(started()).toEqual([0, 0]);
    expect(pool.running()).toEqual([0]);
  });

  it('restarts a task a second after it was fenced, while its partition is still assigned', async () => {
    const { clock, pool, runs, fenced, started } = given();
    pool.assign([4]);
    runs[0]!.end('fenced');
    await turn();
    clock.advance(999);
    await turn();
    expect(started()).toEqual([4]);
    clock.advance(1);
    await turn();
    expect(started()).toEqual([4, 4]);
    runs[1]!.end('fenced');
    await turn();
    pool.assign([]);
    clock.advance(5_000);
    await turn();
    expect(started()).toEqual([4, 4]);
    expect(fenced).toEqual([4, 4]);
  });

  it('restarts a task a second after it has stopped without a request', async () => {
    const { clock, pool, runs, fenced, started } = given();
    pool.assign([2]);
    runs[0]!.end('stopped');
    await turn();
    clock.advance(1_000);
    await turn();
    expect(started()).toEqual([2, 2]);
    expect(pool.running()).toEqual([2]);
    expect(fenced).toEqual([]);
  });

  it('restarts a task 200 ms after its sink has failed', async () => {
    const { clock, pool, runs, started } = given();
    pool.assign([2]);
    runs[0]!.end('unacknowledged');
    await turn();
    clock.advance(199);
    await turn();
    expect(started()).toEqual([2]);
    clock.advance(1);
    await turn();
    expect(started()).toEqual([2, 2]);
  });

  it('tries a failed task again with growing pauses, reports each error, and keeps the others running', async () => {
    const { clock, pool, runs, failed, waits, mended, started } = given();
    pool.assign([0, 1]);
    const error = new EfsError('position-lost', 'gone');
    for (const run of [0, 2, 3, 4, 5, 6, 7]) {
      runs[run]!.fail(error);
      await turn();
      clock.advance(waits.at(-1)! - 1);
      pool.assign([0, 1]);
      await turn();
      expect(started()).toHaveLength(Math.max(run + 1, 2));
      clock.advance(1);
      await turn();
    }
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    expect(failed).toEqual(waits.map(() => [0, error]));
    expect(mended).toEqual([]);
    expect(started()).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect(runs[1]!.stopping.requested).toBe(false);
  });

  it('takes a failed task as mended once it makes progress ten seconds after its start', async () => {
    const { clock, pool, runs, waits, mended } = given();
    pool.assign([0]);
    runs[0]!.progress();
    runs[0]!.fail(new EfsError('access-refused', 'for a moment'));
    await turn();
    clock.advance(2_000);
    await turn();
    clock.advance(9_999);
    runs[1]!.progress();
    expect(mended).toEqual([]);
    clock.advance(1);
    runs[1]!.progress();
    runs[1]!.progress();
    expect(mended).toEqual([0]);
    runs[1]!.fail(new EfsError('access-refused', 'again'));
    await turn();
    expect(waits).toEqual([2_000, 2_000]);
  });

  it('stops at once while a failed task waits, and no longer reports it', async () => {
    const { clock, pool, runs, mended } = given();
    pool.assign([0, 1]);
    runs[0]!.fail(new EfsError('access-refused', 'for a moment'));
    await turn();
    await pool.stop(60_000);
    expect(mended).toEqual([0]);
    await turn();
    expect(clock.sleeping()).toBe(0);
  });

  it('lets tasks finish for the grace period, then aborts them', async () => {
    const { clock, pool, runs, failed } = given({ polite: false });
    pool.assign([0, 1]);
    let stopped = false;
    void pool.stop(1_000).then(() => (stopped = true));
    await turn();
    expect(runs.map(({ stopping }) => stopping.requested)).toEqual([true, true]);
    runs[0]!.end('stopped');
    clock.advance(999);
    await turn();
    expect([stopped, runs[1]!.signal.aborted]).toEqual([false, false]);
    clock.advance(1);
    await turn();
    expect([stopped, runs[1]!.signal.aborted]).toEqual([true, true]);
    expect(failed).toEqual([]);
    expect(pool.running()).toEqual([]);
  });

  it('does not wait for the grace period where all tasks have ended, and leaves no timer', async () => {
    const { clock, pool } = given();
    pool.assign([0, 1]);
    await pool.stop(60_000);
    await turn();
    expect(clock.sleeping()).toBe(0);
  });
});
