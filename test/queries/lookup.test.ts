import { hourKeyOf } from '../../src/kpi/kpis';
import { DeliveryId, MessageId } from '../../src/base/ids';
import { lookUpDelivery, lookUpMessage, readKpi } from '../../src/queries/lookup';
import { deliveryLines, jsonLine, kpiLine, messageLines, table } from '../../src/cli/present';
import { lineOf } from '../../src/cli/kpis';
import { setupLines } from '../../src/cli/setup';
import { partitionOf } from '../../src/log/partitioner';
import { SCHEMAS } from '../../src/feedback/schemas';
import { domainGroups } from '../../src/kpi/domains';
import { type KpiChanged, wireType } from '../../src/kpi/encode';
import { changeOf, emptySum } from '../../src/kpi/publish';
import { evolve } from '../../src/status/evolve';
import type { MessageAggregate } from '../../src/status/message';
import { encodeMessage, encodeMessageId } from '../../src/store/codec';
import { messagesHash, PUBLISHED_HASH } from '../../src/store/hashes';
import { memoryStore } from '../../src/store/store.memory';
import type { Manifest, TaskAddress, Write } from '../../src/store/store';
import { feedback, HOUR, T0 } from '../support/feedback';

const manifest: Manifest = {
  stateId: 3,
  partitions: 4,
  defaultPolicy: 'EFS',
  domainGroups: 'google=gmail.com',
  buckets: 1,
  hasPredecessor: false,
  generation: 1,
  predecessor: null,
  cutoverComplete: true,
  catchUpOffsets: Array.from({ length: 4 }, () => [0, 0, 0, 0, 0]),
};
const groups = domainGroups([{ name: 'google', domains: ['gmail.com'] }]);
const kpiType = wireType<KpiChanged>(SCHEMAS.KpiChanged.type, 7);

async function stateWith(pipeline: TaskAddress['pipeline'], partition: number, write: Write) {
  const state = memoryStore();
  const zeros = Array.from({ length: 4 }, () => [0, 0, 0, 0, 0]);
  await state.create(manifest, { status: zeros, kpi: zeros.map(() => [0]) }, []);
  const task: TaskAddress = { stateId: 3, pipeline, partition };
  const claim = await state.claim(task, 1);
  if (claim === null) throw new Error('not created');
  const { epoch, sequence, positions: expected } = claim;
  const next = expected.map((_, i) => 10 + i);
  await state.commit(task, { epoch, sequence: sequence + 1, expected, next, writes: [write], outbox: null });
  return state;
}

const d1 = DeliveryId('d1');
const m1 = MessageId('m1');
const home = partitionOf(Buffer.from('m1'), 4);

function messageIn(partition: number) {
  const events = [
    feedback.relayed({ recipientDomain: 'GMAIL.com', validityPeriodMs: 24 * HOUR }),
    feedback.softBounced({ occurredAt: T0 + 1000 }),
    feedback.hardBounced({ occurredAt: T0 + 2 * HOUR, source: 'ASYNC' }),
  ];
  let aggregate: MessageAggregate | null = null;
  for (const each of events) aggregate = evolve(aggregate, each, groups.indexOf);
  const value = encodeMessage(aggregate as MessageAggregate);
  return stateWith('status', partition, {
    hash: messagesHash(d1, 0),
    entries: [[encodeMessageId(m1), value]],
  });
}

const kpi = (): KpiChanged => {
  const sum = emptySum('d1', 3);
  Object.assign(sum, { relayed: 2000, sent: 1750, delivered: 1750, failed: 250, failedByHardBounce: 250 });
  Object.assign(sum, { revision: 9, asOf: T0, deliverySize: 2500, failedByReason: { USER_UNKNOWN: 250 } });
  Object.assign(sum, { byDomain: { google: { relayed: 2000, sent: 1750, failed: 250, softBounced: 3 } } });
  Object.assign(sum, {
    throughput: { [hourKeyOf(Date.UTC(2026, 10, 22, 3))]: { successes: 1750, errors: 250 } },
  });
  return changeOf(sum, null, { generation: 3, defaultPolicy: 'EFS' }) as KpiChanged;
};

test('a message and the positions of its partition are read in one call of the store', async () => {
  const state = await messageIn(home);
  const asked: string[] = [];
  const counted = new Proxy(state, {
    get: (target, name, receiver) => (
      asked.push(String(name)),
      Reflect.get(target, name, receiver) as unknown
    ),
  });
  expect((await lookUpMessage(counted, d1, m1)).positions['mta.relayed']).toBe(10);
  expect(asked).toEqual(['active', 'loadAt']);
});

describe('a message', () => {
  test('is shown with its status, its facts and the positions of its partition', async () => {
    const view = await lookUpMessage(await messageIn(home), d1, m1);
    expect(view).toEqual({
      deliveryId: 'd1',
      messageId: 'm1',
      status: 'FAILED',
      reason: 'USER_UNKNOWN',
      failureType: 'HARD',
      policy: 'EFS',
      relay: { at: '2026-11-22T03:00:00.000Z', knownBy: 'a relay event', domainGroup: 'google' },
      validUntil: '2026-11-23T03:00:00.000Z',
      softBounce: expect.objectContaining({ bounceClass: 22, reason: 'MAILBOX_FULL', failureType: 'SOFT' }),
      outcome: expect.objectContaining({ what: 'bounced (asynchronously)', at: '2026-11-22T05:00:00.000Z' }),
      timeline: [
        expect.objectContaining({ event: 'RELAYED', at: '2026-11-22T03:00:00.000Z', decides: false }),
        expect.objectContaining({ event: 'SOFT_BOUNCED', bounceClass: 22, topics: ['mta.soft-bounced'] }),
        expect.objectContaining({ event: 'ASYNC_BOUNCE', decides: true }),
      ],
      why: expect.arrayContaining([expect.stringContaining('overrides any earlier success')]),
      generation: 3,
      partition: home,
      positions: {
        'mta.relayed': 10,
        'mta.delivered': 11,
        'mta.hard-bounced': 12,
        'mta.soft-bounced': 13,
        'mta.retry-outcome': 14,
      },
    });
    const text = messageLines(view).join('\n');
    expect(text).toMatch(/reason +USER_UNKNOWN, HARD/);
    expect(text).toMatch(/last soft bounce +soft bounce at .*class 22: MAILBOX_FULL, SOFT/);
  });

  test('is found in another partition where producers use another partitioner', async () => {
    const elsewhere = (home + 3) % 4;
    expect(await lookUpMessage(await messageIn(elsewhere), d1, m1)).toMatchObject({ partition: elsewhere });
  });

  test('an unknown message, an unknown delivery and an empty state are reported as not found', async () => {
    const state = await messageIn(home);
    await expect(lookUpMessage(state, d1, MessageId('m2'))).rejects.toMatchObject({ code: 'not-found' });
    await expect(lookUpMessage(state, DeliveryId('d2'), m1)).rejects.toMatchObject({ code: 'not-found' });
    await expect(lookUpMessage(memoryStore(), d1, m1)).rejects.toThrow('the state is empty');
  });
});

describe('a delivery', () => {
  test('is shown with the KPIs as last published; an unknown one is not found', async () => {
    const partition = partitionOf(Buffer.from('d1'), 4);
    const write = { hash: PUBLISHED_HASH, entries: [[Buffer.from('d1'), kpiType.encode(kpi())]] } as const;
    const state = await stateWith('kpi', partition, write);
    expect(await lookUpDelivery(state, d1)).toEqual(kpi());
    await expect(lookUpDelivery(state, DeliveryId('d2'))).rejects.toMatchObject({ code: 'not-found' });
  });

  test('is printed as a table of its figures', () => {
    const text = deliveryLines(kpi()).join('\n');
    expect(text).toMatch(/^delivery d1, policy EFS, as of 2026-11-22T03:00:00Z\ngeneration 3, revision 9\n/);
    for (const line of [
      /^success +87\.5 %$/m,
      /^announced +2,500$/m,
      /^ {2}failed +250$/m,
      /^ {4}USER_UNKNOWN +250$/m,
      /^ {2}google +2,000 +1,750 +250 +3$/m,
      /^ {2}2026-11-22T03Z +1,750 +250$/m,
    ]) {
      expect(text).toMatch(line);
    }
  });
});

describe('a line of efs kpis', () => {
  test('has delivery, Success and its change', () => {
    expect(kpiLine(kpi())).toBe(
      '2026-11-22T03:00:00Z  d1  EFS  success 87.5 %  relayed 2,000  sent 1,750  failed 250  waiting 0  revision 9',
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
    for (const bytes of [null, Buffer.alloc(0), Buffer.from('not avro at all'), value.subarray(0, 20)]) {
      expect(readKpi(bytes)).toBeNull();
      expect(lineOf(bytes, {})).toBeNull();
    }
  });

  test('contains no control characters, as text or as JSON', () => {
    const evil = { ...kpi(), deliveryId: 'd\u001b[2J\u009b1\u202e' };
    for (const text of [kpiLine(evil), deliveryLines(evil)[0] ?? '', jsonLine(evil)]) {
      expect(text).not.toMatch(/[\u001b\u009b\u202e]/);
    }
    expect(JSON.parse(jsonLine(evil))).toEqual(evil);
  });
});

test('a table aligns its first column to the left and the others to the right', () => {
  expect(table([['a', '1', '22'], ['bbb', '333', ''], ['c']])).toEqual(['a      1  22', 'bbb  333', 'c']);
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
