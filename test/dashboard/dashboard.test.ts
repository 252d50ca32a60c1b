import {
  complaints,
  failedByDecision,
  otherSuccess,
  segments,
  softBounces,
} from '../../src/dashboard/figures.js';
import {
  age,
  brief,
  duration,
  percent,
  plain,
  points,
  smallPercent,
  without,
  words,
} from '../../src/dashboard/format.js';
import { course, courses, hoursOf } from '../../src/dashboard/hours.js';
import { createModel, movement } from '../../src/dashboard/model.js';
import { gapText, pairsOf } from '../../src/dashboard/pairs.js';
import { hrefOf, routeOf } from '../../src/dashboard/route.js';
import { linePath } from '../../src/dashboard/spark.js';
import { pageStaleness } from '../../src/dashboard/status-line.js';
import { eventBatcher } from '../../src/dashboard/stream.js';
import { placed } from '../../src/dashboard/timeline.js';

const KPIS = {
  relayed: 100,
  deliverySize: null,
  takenIntoAccount: 20,
  sent: 70,
  failed: 10,
  delivered: 70,
  success: 0.7,
  failedByHardBounce: 4,
  failedByAsyncBounce: 3,
  failedByRetry: 2,
  failedByExpiry: 1,
  softBounced: 12,
  waitingForRetry: 5,
  recovered: 4,
  complained: 2,
  failedByReason: { USER_UNKNOWN: 10 },
  byDomain: {},
  throughput: {
    '2026-01-05T08Z': { successes: 50, errors: 4 },
    '2026-01-05T10Z': { successes: 20, errors: 6 },
  },
};

type Name = 'EFS' | 'RELAY';

const delivery = (
  deliveryId: string,
  revision: number,
  success = 0.7,
  policy: Name = 'EFS',
  generation = 1,
) => ({
  deliveryId,
  policy,
  generation,
  revision,
  asOf: '2026-01-05T10:30:00.000Z',
  kpis: { ...KPIS, success },
});

const sum = (parts: readonly { value: number }[]): number =>
  parts.reduce((total, { value }) => total + value, 0);

describe('figures', () => {
  it('show complaints with their share of the delivered messages, to a hundredth of a percent', () => {
    expect(complaints(KPIS)).toEqual({ value: 2, share: 2 / 70 });
    expect(complaints({ ...KPIS, delivered: 0 })).toEqual({ value: 2, share: null });
    expect([2 / 70, 0.0021, 0.00001, 0, null].map(smallPercent)).toEqual([
      '2.86 %',
      '0.21 %',
      '< 0.01 %',
      '0.00 %',
      '–',
    ]);
  });

  it.each(['EFS', 'RELAY'] as const)(
    'in policy %s, segments add up to relayed, decisions to failed, soft bounces to soft bounced',
    (policy) => {
      expect(sum(segments(KPIS, policy))).toBe(KPIS.relayed);
      expect(sum(failedByDecision(KPIS))).toBe(KPIS.failed);
      expect(sum(softBounces(KPIS))).toBe(KPIS.softBounced);
    },
  );

  it('Success of EFS ends after the delivered segment, Success of RELAY before the failed one', () => {
    const [delivered, pending, waiting] = segments(KPIS, 'RELAY').map(({ value }) => value / KPIS.relayed);
    expect(otherSuccess(KPIS, 'RELAY')).toBe(delivered);
    expect(otherSuccess(KPIS, 'EFS')).toBeCloseTo(delivered! + pending! + waiting!);
  });
});

describe('format', () => {
  it.each([
    [percent(null), '–'],
    [percent(1), '100.0 %'],
    [percent(0.99996), '99.9 %'],
    [percent(0.00001), '< 0.1 %'],
    [percent(0), '0.0 %'],
    [points(0.0041), '+0.4'],
    [points(-0.012), '−1.2'],
    [brief(9_999), '9,999'],
    [brief(48_400), '48k'],
    [brief(1_250_000), '1.3M'],
    [duration(850), '850 ms'],
    [duration(12_000_000), '3 h 20 min'],
    [duration(302_400_000), '3 d 12 h'],
    [age(1_000), 'now'],
    [words('TAKEN_INTO_ACCOUNT'), 'Taken into account'],
    [plain('Refused at 2026-01-05T10:51:29.539Z: EFS.'), 'Refused at 2026-01-05 10:51:29 UTC: EFS.'],
    [plain('From class 10: USER_UNKNOWN, HARD. The MTA'), 'From class 10: user unknown, hard. The MTA'],
    [without('relayed to the MTA', 'Relayed'), 'to the MTA'],
    [without('came back as a bounce mail', 'Async bounce'), 'came back as a bounce mail'],
  ])('formats %s', (shown, wanted) => expect(shown).toBe(wanted));
});

describe('hours', () => {
  it('hours have no gaps, and Success over time follows successes in EFS and errors in RELAY', () => {
    const hours = hoursOf(KPIS.throughput);
    expect(hours.successes).toEqual([50, 0, 20]);
    expect(course(hours, 100, 'EFS')).toEqual([0, 0.5, 0.5, 0.7]);
    expect(course(hours, 100, 'RELAY')).toEqual([1, 0.96, 0.96, 0.9]);
  });

  it('hours of several deliveries share one axis; a later delivery has no value before its first hour', () => {
    const late = { ...KPIS, throughput: { '2026-01-05T09Z': { successes: 70, errors: 10 } } };
    const both = courses([
      { kpis: KPIS, policy: 'EFS' },
      { kpis: late, policy: 'RELAY' },
    ]);
    expect(both.shares).toEqual([
      [0, 0.5, 0.5, 0.7],
      [null, 1, 0.9, 0.9],
    ]);
    expect(both.at).toHaveLength(4);
  });

  it('invalid hour names are ignored, and a single share draws no line', () => {
    expect(hoursOf({ yesterday: { successes: 1, errors: 1 } }).at).toEqual([]);
    expect(linePath([0.5], { width: 10, height: 10, inset: 0 })).toBe('');
  });
});

describe('the address of a view', () => {
  it.each(['DM1', 'a b', '%', '#?&', 'ü<script>', '..', 'x'.repeat(128)])(
    'keeps the id %j unchanged',
    (deliveryId) => {
      const message = { view: 'message' as const, deliveryId, messageId: `m/${deliveryId}` };
      for (const route of [{ view: 'delivery' as const, deliveryId }, message]) {
        expect(routeOf(hrefOf(route))).toEqual(route);
      }
    },
  );

  it.each(['#/nope', '#/deliveries', '#/deliveries/a/b', '#/deliveries/%E0', '#/service/x'])(
    'the invalid address %s has no view',
    (hash) => expect(routeOf(hash)).toEqual({ view: 'nowhere' }),
  );
});

describe('the model of the page', () => {
  it('takes later figures only, by generation, then revision', () => {
    const model = createModel();
    expect(model.take(delivery('a', 5), 0)).toBe(true);
    expect(model.take(delivery('a', 5), 1)).toBe(false);
    expect(model.take(delivery('a', 4), 1)).toBe(false);
    expect(model.take(delivery('a', 1, 0.7, 'EFS', 2), 1)).toBe(true);
    expect([...model.changes()]).toEqual(['a']);
    expect([...model.changes()]).toEqual([]);
  });

  it('keeps at most a minute of samples of a delivery that changes constantly', () => {
    const model = createModel();
    for (let second = 0; second < 3_600; second++)
      model.take(delivery('a', second + 1, second / 3_600), second * 1_000);
    const entry = model.get('a')!;
    expect(entry.samples.length).toBeLessThanOrEqual(13);
    expect(movement(entry, 3_599_000)?.change).toBeCloseTo(60 / 3_600, 2);
  });

  it('counts changes over the last five whole seconds', () => {
    const model = createModel();
    for (let at = 0; at < 10_000; at += 100) model.arrived(2, at);
    expect(model.rate(10_000)).toBe(20);
    expect(model.rate(60_000)).toBe(0);
  });
});

describe('pairs', () => {
  it('a pair is two ids that differ only in the word of their policy', () => {
    const pair = [delivery('mirror-1-RELAY', 1, 0.7, 'RELAY'), delivery('mirror-1-EFS', 1)];
    const others = [delivery('relayed', 1), delivery('mirror-2-EFS', 1), delivery('sale', 1)];
    expect(pairsOf([...pair, ...others])).toEqual([{ name: 'mirror-1', one: pair[1], other: pair[0] }]);
  });

  it('the gap between the lines is explained by open messages and by messages only EFS has expired', () => {
    const between = (takenIntoAccount: number, expired: { efs: number; relay: number }): string => {
      const under = (failedByExpiry: number) => ({ kpis: { ...KPIS, takenIntoAccount, failedByExpiry } });
      const [one, other] = [under(expired.efs), under(expired.relay)];
      return gapText({ name: 'mirror', one, other } as unknown as Parameters<typeof gapText>[0]);
    };
    expect(between(0, { efs: 3, relay: 3 })).toBe(
      'Every message has an outcome: both policies count the same.',
    );
    expect(between(20, { efs: 3, relay: 3 })).toMatch(
      /^Between the lines: 20 messages without an outcome: [^.]*\.$/,
    );
    expect(between(0, { efs: 51, relay: 3 })).toMatch(
      /^Between the lines: 48 that never got feedback: [^.]*\.$/,
    );
    expect(between(20, { efs: 51, relay: 3 })).toMatch(
      /20 messages without an outcome.* 48 that never got feedback/,
    );
  });
});

describe('the stream', () => {
  const text = (deliveryId: string, revision: number): string =>
    JSON.stringify(delivery(deliveryId, revision));

  it('keeps the last change of each delivery, also for ids with special characters', () => {
    const batcher = eventBatcher();
    for (const id of ['a', 'a"', 'a","b', 'ü'])
      for (const revision of [1, 2]) batcher.kpi(text(id, revision));
    const { kpis, changes } = batcher.take();
    expect(changes).toBe(8);
    expect(kpis.map((each) => JSON.parse(each))).toEqual(
      ['a', 'a"', 'a","b', 'ü'].map((id) => delivery(id, 2)),
    );
    expect(batcher.take().changes).toBe(0);
  });

  it('drops what came before a removal or a reset', () => {
    const batcher = eventBatcher();
    batcher.kpi(text('a', 1));
    batcher.removed('{"deliveryId":"a"}');
    expect(batcher.take()).toMatchObject({ kpis: [], removed: ['a'], reset: false });
    batcher.kpi(text('a', 2));
    batcher.reset();
    batcher.kpi(text('b', 1));
    expect(batcher.take()).toMatchObject({ kpis: [text('b', 1)], reset: true });
  });
});

describe('freshness', () => {
  it('the page is stale since the earliest of all reasons', () => {
    const stale = { since: '1970-01-01T00:00:05.000Z', reason: 'redis is away' };
    expect(pageStaleness({ lostAt: null, stale: null })).toBeNull();
    expect(pageStaleness({ lostAt: 9_000, stale })?.since).toBe(5_000);
    expect(pageStaleness({ lostAt: 9_000, stale })?.reason).toContain('redis is away');
  });
});

describe('the timeline', () => {
  const event = (at: string, name: string) => ({
    at,
    event: name,
    text: '',
    bounceClass: null,
    reason: null,
    failureType: null,
    decides: false,
    topics: [],
  });

  it('spans from the first event to the later of the last event and the end of the validity period', () => {
    const events = [
      event('2026-01-01T00:00:00.000Z', 'RELAYED'),
      event('2026-01-05T00:00:00.000Z', 'ASYNC_BOUNCE'),
    ];
    const { places, validUntil } = placed(events, '2026-01-04T00:00:00.000Z');
    expect(places.map(({ share, mark }) => [share, mark])).toEqual([
      [0, 'unknown'],
      [1, 'failed'],
    ]);
    expect(validUntil).toBe(0.75);
  });

  it('separates events that are close together, at the beginning and at the end', () => {
    const minute = (at: number): string => new Date(at * 60_000).toISOString();
    const shares = (...at: number[]) =>
      placed(
        at.map((each) => event(minute(each), 'SOFT_BOUNCED')),
        minute(6_000),
      ).places.map(({ share }) => share);
    expect(shares(0, 1, 2)).toEqual([0, 0.06, 0.12]);
    expect(shares(0, 5_999, 6_000)).toEqual([0, 0.94, 1]);
    expect(shares(0, 3_000)).toEqual([0, 0.5]);
  });
});
