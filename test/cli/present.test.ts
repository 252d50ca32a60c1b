import { lineOf } from '../../src/cli/kpis';
import { deliveryLines, kpiLine, kpiTable, messageLines } from '../../src/cli/present';
import { jsonLine } from '../../src/cli/print';
import { promotionLine } from '../../src/cli/promote';
import { setupLines } from '../../src/cli/setup';
import { lookUpMessage } from '../../src/queries/lookup';
import type { Manifest } from '../../src/store/store';
import { d1, home, kpi, kpiType, m1, messageIn } from '../support/lookups';

test('a message is printed with its facts', async () => {
  const text = messageLines(await lookUpMessage(await messageIn(home), d1, m1)).join('\n');
  expect(text).toMatch(/reason +USER_UNKNOWN, HARD/);
  expect(text).toMatch(/last soft bounce +soft bounce at .*class 22: MAILBOX_FULL, SOFT/);
  expect(text).toMatch(/complained +2026-11-22T06:00:00\.000Z/);
});

test('a delivery is printed as a table of its figures', () => {
  const text = deliveryLines(kpi()).join('\n');
  expect(text).toMatch(/^delivery d1, policy EFS, as of 2026-11-22T03:00:00Z\ngeneration 3, revision 9\n/);
  for (const line of [
    /^success +87\.5 %$/m,
    /^announced +2,500$/m,
    /^ {2}failed +250$/m,
    /^ {4}USER_UNKNOWN +250$/m,
    /^complained +0 +0\.00 % of the delivered$/m,
    /^ {2}google +2,000 +1,750 +250 +3$/m,
    /^ {2}2026-11-22T03Z +1,750 +250$/m,
  ]) {
    expect(text).toMatch(line);
  }
});

test('a promotion to a generation of other settings names them as they are set, for a shell', () => {
  const before: Manifest = {
    ...{ stateId: 1, generation: 1, partitions: 2, predecessor: null, contributionsFrom: [] },
    ...{ defaultPolicy: 'EFS', domainGroups: 'none', buckets: 1 },
  };
  const same: Manifest = { ...before, stateId: 2, generation: 2, predecessor: 1 };
  const lines = (manifest: Manifest) => promotionLine({ outcome: 'promoted', manifest, before }).split('\n');
  const switched =
    'state 2 is active, its records carry generation 2; `efs promote --generation 1` goes back';
  expect(lines(same)).toEqual([switched]);
  const others: Manifest = { ...same, defaultPolicy: 'RELAY', domainGroups: 'a=x.y,z.y;b=c.d', buckets: 4 };
  expect(lines(others)).toEqual([
    switched,
    "set EFS_POLICY=relay EFS_DOMAIN_GROUPS='a=x.y,z.y;b=c.d' EFS_BUCKETS=4 for all workers before their next start",
  ]);
});

test('deliveries are printed in a table, one line each, with the share of each status as a bar', () => {
  expect(kpiTable([kpi(), { ...kpi(), deliveryId: 'longer' }])).toEqual([
    'delivery  policy  relayed  taken   sent  failed  soft  waiting  Success  sent █ failed ░',
    'd1        EFS       2,000      0  1,750     250     0        0   87.5 %  ██████████████████░░',
    'longer    EFS       2,000      0  1,750     250     0        0   87.5 %  ██████████████████░░',
  ]);
});

describe('a line of efs kpis', () => {
  test('has delivery, Success and its change', () => {
    expect(kpiLine(kpi())).toBe(
      '2026-11-22T03:00:00Z  d1  EFS  success 87.5 %  relayed 2,000  sent 1,750  failed 250  waiting 0  complained 0  revision 9',
    );
    const before = kpi().kpis;
    expect(kpiLine({ ...kpi(), previous: { ...before, success: 0.9 } })).toContain('success 87.5 % (-2.5)');
    expect(kpiLine({ ...kpi(), previous: { ...before, success: 0.8 } })).toContain('success 87.5 % (+7.5)');
    expect(kpiLine({ ...kpi(), kpis: { ...before, success: null } })).toContain('success –  relayed');
  });

  test('is printed only for the delivery asked for, and never for bytes that are not a KPI record', () => {
    const value = kpiType.encode(kpi());
    expect(lineOf(value, {})).toBe(kpiLine(kpi()));
    expect(JSON.parse(lineOf(value, { delivery: 'd1', json: true }) ?? '')).toEqual(kpi());
    expect(lineOf(value, { delivery: 'd2' })).toBeNull();
    for (const bytes of [null, Buffer.from('not avro at all')]) expect(lineOf(bytes, {})).toBeNull();
  });

  test('contains no control characters, as text or as JSON', () => {
    const evil = { ...kpi(), deliveryId: 'd\u001b[2J\u009b1\u202e' };
    for (const text of [kpiLine(evil), deliveryLines(evil)[0] ?? '', jsonLine(evil)]) {
      expect(text).not.toMatch(/[\u001b\u009b\u202e]/);
    }
    expect(JSON.parse(jsonLine(evil))).toEqual(evil);
  });
});

test('setup prints its steps line by line, then their sum', () => {
  const step = { what: 'topic', name: 't', outcome: 'created', detail: '4 partitions' } as const;
  expect(setupLines([step, { ...step, outcome: 'unchanged', name: 'u' }])).toEqual([
    'created topic t    4 partitions',
    'unchanged topic u  4 partitions',
    '1 created, 1 unchanged',
  ]);
  expect(setupLines([{ ...step, outcome: 'unchanged' }]).at(-1)).toBe('everything exists already');
});
