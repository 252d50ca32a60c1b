import { openCatchUp } from '../../src/tasks/catch-up';
import { recordingLog } from '../base/recording-log';
import { differences } from '../support/observe';
import { randomFeedback } from '../support/traffic';
import { virtualClock } from '../support/clock';
import { world } from '../support/world';

describe('a worker that catches up with published results', () => {
  it('is not ready meanwhile, reports its progress, and logs when it has caught up', async () => {
    const there = await world({ batchMax: 5 });
    const { reasons, log } = await there.worker();
    there.produce(randomFeedback(5, 400));
    await there.settle();
    expect(reasons.size).toBe(0);
    there.store.wipe();
    const seen = new Set<string>();
    await there.until(() => {
      const reason = reasons.get('catching-up');
      if (reason !== undefined) seen.add(reason);
      return seen.size > 0 && reason === undefined && reasons.size === 0;
    }, 'it has caught up');
    expect([...seen][0]).toContain('catching up with published results');
    const lines = log.entries.map(({ message }) => message);
    expect(lines).toContain('catching up with published results: publishing is suppressed');
    expect(lines).toContain('caught up: publishing resumed');
    await there.settle();
    expect(await differences(there)).toEqual([]);
  });
});

describe('the catch-up reason', () => {
  it('states the records left as a share of their maximum, and is cleared when none are left', () => {
    const reasons: (string | null)[] = [];
    const onReason = (reason: string | null): void => void reasons.push(reason);
    const catchUp = openCatchUp({ clock: virtualClock(), log: recordingLog(), onReason });
    catchUp.toFold(0, null);
    catchUp.suppressed(1, false);
    expect(reasons).toEqual([]);
    catchUp.toFold(0, 300);
    catchUp.toFold(1, 100);
    catchUp.suppressed(1, true);
    catchUp.toFold(0, 0);
    expect(reasons.at(-1)).toBe(
      'catching up with published results, 100 records to fold here (75 % done), KPI publishing suppressed for 1 partitions',
    );
    catchUp.toFold(0, null);
    catchUp.toFold(1, null);
    expect(reasons.at(-1)).toBe(
      'catching up with published results, KPI publishing suppressed for 1 partitions',
    );
    catchUp.suppressed(1, false);
    expect(reasons.at(-1)).toBeNull();
  });
});
