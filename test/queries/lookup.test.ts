import { DeliveryId, MessageId } from '../../src/base/ids';
import { partitionOf } from '../../src/log/partitioner';
import { lookUpDelivery, lookUpMessage, readKpi } from '../../src/queries/lookup';
import { PUBLISHED_HASH } from '../../src/store/hashes';
import { memoryStore } from '../../src/store/store.memory';
import { d1, home, kpi, kpiType, m1, messageIn, stateWith } from '../support/lookups';

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
      complainedAt: '2026-11-22T06:00:00.000Z',
      timeline: [
        expect.objectContaining({ event: 'RELAYED', at: '2026-11-22T03:00:00.000Z', decides: false }),
        expect.objectContaining({ event: 'SOFT_BOUNCED', bounceClass: 22, topics: ['mta.soft-bounced'] }),
        expect.objectContaining({ event: 'ASYNC_BOUNCE', decides: true }),
        expect.objectContaining({ event: 'COMPLAINED', decides: false, topics: ['mta.complained'] }),
      ],
      why: expect.arrayContaining([
        expect.stringContaining('overrides any earlier success'),
        expect.stringContaining('complained about it at 2026-11-22T06:00:00.000Z'),
      ]),
      generation: 3,
      partition: home,
      positions: {
        'mta.relayed': 10,
        'mta.delivered': 11,
        'mta.hard-bounced': 12,
        'mta.soft-bounced': 13,
        'mta.retry-outcome': 14,
        'mta.complained': 15,
      },
    });
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
});

test('bytes that are not a KPI record are read as null', () => {
  const value = kpiType.encode(kpi());
  expect(readKpi(value)).toEqual(kpi());
  for (const bytes of [null, Buffer.alloc(0), Buffer.from('not avro at all'), value.subarray(0, 20)])
    expect(readKpi(bytes)).toBeNull();
});

test('30 bytes that announce a map of 2^53 entries are read as null', () => {
  const head = Buffer.concat([Buffer.alloc(5), Buffer.from([2, 0x64]), Buffer.alloc(5 + 14)]);
  const count = Buffer.from([0xfe, ...Array<number>(6).fill(0xff), 0x1f]);
  expect(readKpi(Buffer.concat([head, count]))).toBeNull();
});

test('a KPI record whose time has no date is read as null', () => {
  const lastDate = 8.64e15;
  expect(readKpi(kpiType.encode({ ...kpi(), asOf: lastDate }))?.asOf).toBe(lastDate);
  for (const asOf of [9e15, -9e15]) expect(readKpi(kpiType.encode({ ...kpi(), asOf }))).toBeNull();
});
