import fc from 'fast-check';
import { addTotals, emptyTotals, hourKeyOf, hourName, kpisOf, successOf } from '../../src/kpi/kpis';
import { expectEqual } from '../support/equal';

const totals = (given: Partial<ReturnType<typeof emptyTotals>>) => ({ ...emptyTotals(), ...given });

describe('the Success of a delivery', () => {
  it.each([
    ['only relays, policy EFS', { relayed: 4, takenIntoAccount: 4 }, 'EFS', null],
    ['only relays, policy RELAY', { relayed: 4, sent: 4 }, 'RELAY', 1],
    ['one soft bounce', { relayed: 4, softBounced: 1 }, 'EFS', 0],
    ['one failure', { relayed: 4, failed: 1 }, 'EFS', 0],
    ['one delivery', { relayed: 4, delivered: 1, sent: 1 }, 'EFS', 0.25],
    ['one failure, policy RELAY', { relayed: 4, sent: 3, failed: 1 }, 'RELAY', 0.75],
    ['no messages', {}, 'RELAY', null],
  ] as const)('with %s', (_, given, policy, expected) => {
    expect(successOf(totals(given), policy)).toBe(expected);
  });
});

describe('an hour of the throughput', () => {
  it('is named by its start in UTC', () => {
    const name = (at: number): string => hourName(hourKeyOf(at));
    expect(name(Date.UTC(2026, 10, 22, 3))).toBe('2026-11-22T03Z');
    expect(name(Date.UTC(2026, 10, 22, 4) - 1)).toBe('2026-11-22T03Z');
    expect(name(Date.UTC(2026, 10, 22, 4))).toBe('2026-11-22T04Z');
    expect(name(Date.UTC(2000, 0, 1))).toBe('2000-01-01T00Z');
    expect(name(Date.UTC(2100, 0, 1) - 1)).toBe('2099-12-31T23Z');
  });

  it('has the right name beyond the size of the cache', () => {
    const at = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2100, 0, 1) - 1 });
    fc.assert(
      fc.property(at, (time) => {
        expectEqual(hourName(hourKeyOf(time)), `${new Date(time).toISOString().slice(0, 13)}Z`);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('totals', () => {
  const some = totals({
    relayed: 3,
    failed: 1,
    failedByReason: { REFUSED: 1 },
    byDomain: { google: { relayed: 3, sent: 2, failed: 1, softBounced: 0 } },
    throughput: { '2a': { successes: 2, errors: 1 } },
  });

  it('leave no entry of zeros after they are added and subtracted', () => {
    const sum = emptyTotals();
    addTotals(sum, some, 1);
    expect(sum).toEqual(some);
    addTotals(sum, some, -1);
    expect(sum).toEqual(emptyTotals());
  });

  it('are copied into KPIs, which later counts do not change', () => {
    const sum = { ...structuredClone(some), deliverySize: null };
    const kpis = kpisOf(sum, 'EFS');
    const before = structuredClone(kpis);
    addTotals(sum, some, 1);
    expect(kpis).toEqual(before);
  });
});
