import { openCatchUp } from '../../src/tasks/catch-up';
import { recordingLog } from '../base/recording-log';
import { differences } from '../support/observe';
import { randomFeedback } from '../support/traffic';
import { virtualClock } from '../support/clock';
import { world } from '../support/world';

describe('a worker that catches up with what was published', () => {
  it('is not ready meanwhile, says how far it is, and says when it is through', async () => {
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
    expect([...seen][0]).toContain('catching up with what was published before');
    const said = log.entries.map(({ message }) => message);
    expect(said).toContain('catching up with what was published before: nothing is published meanwhile');
    expect(said).toContain('caught up: KPI changes are published as they come');
    await there.settle();
    expect(await differences(there)).toEqual([]);
  });
});

describe('the word on catching up', () => {
  it('counts what is left, of the most that was ever left, and goes when all of it is gone', () => {
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
      'catching up with what was published before, 100 records to fold here (75 % done), KPIs of 1 partitions stand still',
    );
    catchUp.toFold(0, null);
    catchUp.toFold(1, null);
    expect(reasons.at(-1)).toBe(
      'catching up with what was published before, KPIs of 1 partitions stand still',
    );
    catchUp.suppressed(1, false);
    expect(reasons.at(-1)).toBeNull();
  });
});
