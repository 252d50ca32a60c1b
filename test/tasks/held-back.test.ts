import { type InputEnd, standstillAfter, watchHeldBack } from '../../src/tasks/held-back';
import { recordingLog } from '../base/recording-log';
import { virtualClock } from '../support/clock';

const waiting: InputEnd = { position: 40, lag: 0, heldBack: 3 };

describe('a standstill', () => {
  it.each<[string, InputEnd]>([
    ['nothing is held back', { ...waiting, heldBack: 0 }],
    ['the task has records to read', { ...waiting, lag: 1 }],
  ])('does not exist where %s', (_, input) => {
    expect(standstillAfter({ position: 40, since: 5 }, input, 9)).toBeNull();
  });

  it('begins where the position is new, and keeps its beginning while the position stays', () => {
    const first = standstillAfter(null, waiting, 5);
    expect(first).toEqual({ position: 40, since: 5 });
    expect(standstillAfter(first, { ...waiting, heldBack: 9 }, 8)).toEqual(first);
    expect(standstillAfter(first, { ...waiting, position: 41 }, 8)).toEqual({ position: 41, since: 8 });
  });
});

function given() {
  const clock = virtualClock();
  const log = recordingLog();
  const reasons = new Map<string, string>();
  const held = watchHeldBack({
    clock,
    log,
    onReason: (key, reason) => void (reason === null ? reasons.delete(key) : reasons.set(key, reason)),
  });
  const note = (input: InputEnd = waiting): void => held.note('mta.delivered', 2, input);
  return { clock, log, reasons, held, note };
}

const KEY = 'held-back/mta.delivered/2';

describe('an open transaction', () => {
  it('is a reason after a minute, with place, size and remedy, and is logged once', () => {
    const { clock, log, reasons, note } = given();
    note();
    clock.advance(59_999);
    note();
    expect(reasons.size).toBe(0);
    clock.advance(1);
    note();
    note({ ...waiting, heldBack: 7 });
    expect(reasons.get(KEY)).toMatch(
      /^mta\.delivered\/2: 7 offsets wait behind an open transaction since 20.*Z \(.*kafka-transactions\.sh find-hanging/,
    );
    expect(log.entries.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn records wait behind an open transaction: they are not counted until it ends',
    ]);
  });

  it.each<[string, Partial<InputEnd>]>([
    ['ends', { position: 43, heldBack: 0 }],
    ['is followed by another one', { position: 41 }],
  ])('is no reason any more once it %s', (_, change) => {
    const { clock, reasons, note } = given();
    note();
    clock.advance(60_000);
    note();
    expect([...reasons.keys()]).toEqual([KEY]);
    note({ ...waiting, ...change });
    expect(reasons.size).toBe(0);
  });

  it('is no reason of a worker whose task has ended', () => {
    const { clock, reasons, held, note } = given();
    note();
    clock.advance(60_000);
    note();
    held.forget(['mta.relayed', 'mta.delivered'], 2);
    expect(reasons.size).toBe(0);
    note();
    expect(reasons.size).toBe(0);
  });
});
