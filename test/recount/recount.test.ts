import { feedback, HOUR, T0, type Feedback } from '../support/feedback';
import { produced, SCHEMA_IDS, SCHEMAS, wireHeader, withOffsets, type Produced } from '../support/records';
import { compare, type Observed } from './compare';
import { murmur2 } from './read';
import { DEFAULT_GROUPS, recount, type Recount, type RecountSettings } from './recount';

const SETTINGS: RecountSettings = {
  defaultPolicy: 'EFS',
  groups: DEFAULT_GROUPS,
  partitions: 4,
  partitioner: 'murmur2',
};

const CAMPAIGN: Feedback[] = [
  feedback.relayed({ messageId: 'a', recipientDomain: 'GMail.com', deliverySize: 4 }),
  feedback.delivered({ messageId: 'a', recipientDomain: 'gmail.com', occurredAt: T0 + HOUR }),
  feedback.relayed({ messageId: 'b' }),
  feedback.softBounced({ messageId: 'b', occurredAt: T0 + 1 }),
  feedback.retry({ messageId: 'b', outcome: 'FAILED', occurredAt: T0 + 2 * HOUR }),
  feedback.relayed({ messageId: 'c' }),
  feedback.softBounced({ messageId: 'c', occurredAt: T0 + 5 }),
  feedback.relayed({ messageId: 'd' }),
  feedback.delivered({ messageId: 'd', occurredAt: T0 + 1 }),
  feedback.hardBounced({ messageId: 'd', occurredAt: T0 + 9 * HOUR, source: 'ASYNC' }),
  feedback.complained({ messageId: 'a', occurredAt: T0 + 3 * HOUR }),
  feedback.complained({ messageId: 'c', occurredAt: T0 + 3 * HOUR }),
  feedback.complained({ messageId: 'c', occurredAt: T0 + 4 * HOUR, feedbackType: null }),
  feedback.complained({ messageId: 'd', occurredAt: T0 + HOUR, feedbackType: 'Not-Spam' }),
  feedback.relayed({ deliveryId: 'd2', messageId: 'a', policy: 'RELAY' }),
];

const log = (all: readonly Feedback[]): Produced[] => all.map((each) => produced(each, SETTINGS.partitions));
const counted = (records: readonly Produced[]): Recount => recount(withOffsets(records), SCHEMAS, SETTINGS);

/** A recount as the service would publish it: without what depends on repetition. */
function observed({ deliveries, messages }: Recount): Observed {
  const figures = [...deliveries].map(
    ([id, { policy, kpis, asOf }]) => [id, { policy, kpis, asOf }] as const,
  );
  return { deliveries: new Map(figures), messages };
}

describe('the recount', () => {
  it('counts a small campaign as a person would', () => {
    const { deliveries, messages, deadLetters } = counted(log(CAMPAIGN));
    expect(deadLetters.size).toBe(0);
    expect(deliveries.get('d1')).toEqual({
      policy: 'EFS',
      asOf: T0 + 9 * HOUR,
      revision: 14,
      kpis: {
        relayed: 4,
        deliverySize: 4,
        takenIntoAccount: 1,
        sent: 1,
        failed: 2,
        delivered: 1,
        success: 0.25,
        failedByHardBounce: 0,
        failedByAsyncBounce: 1,
        failedByRetry: 1,
        failedByExpiry: 0,
        softBounced: 2,
        waitingForRetry: 1,
        recovered: 0,
        complained: 2,
        failedByReason: { MAILBOX_FULL: 1, USER_UNKNOWN: 1 },
        byDomain: {
          google: { relayed: 1, sent: 1, failed: 0, softBounced: 0 },
          other: { relayed: 3, sent: 0, failed: 2, softBounced: 2 },
        },
        throughput: {
          '2026-11-22T04Z': { successes: 1, errors: 0 },
          '2026-11-22T05Z': { successes: 0, errors: 1 },
          '2026-11-22T12Z': { successes: 0, errors: 1 },
        },
      },
    });
    expect(deliveries.get('d2')?.kpis).toMatchObject({ relayed: 1, sent: 1, success: 1 });
    expect(messages.get('d1/c')).toMatchObject({ status: 'TAKEN_INTO_ACCOUNT', reason: 'MAILBOX_FULL' });
  });

  it('has no Success for a delivery without outcomes in policy EFS', () => {
    const { deliveries } = counted(log([feedback.relayed()]));
    expect(deliveries.get('d1')?.kpis).toMatchObject({ relayed: 1, takenIntoAccount: 1, success: null });
  });

  it("places keys as Kafka's own partitioner does", () => {
    const known = {
      '21': -973932308,
      foobar: -790332482,
      'a-little-bit-long-string': -985981536,
      abc: 479470107,
    };
    for (const [key, hash] of Object.entries(known)) expect(murmur2(Buffer.from(key))).toBe(hash);
  });
});

describe('the recount dead-letters a record', () => {
  const good = produced(feedback.delivered({ messageId: 'a' }), 4);
  const body = good.value!;
  const cases: [string, Produced, readonly string[]][] = [
    ['as no-value where it is a tombstone', { ...good, value: null }, ['no-value']],
    ['as too-large where its value is', { ...good, value: Buffer.alloc(262_145) }, ['too-large']],
    ['as too-large where its headers are', { ...good, headerCount: 257 }, ['too-large']],
    ['as not-avro where it is shorter than a header', { ...good, value: Buffer.alloc(4) }, ['not-avro']],
    ['as not-avro where the magic byte is another', { ...good, value: Buffer.alloc(9, 1) }, ['not-avro']],
    ['as not-avro where it is cut short', { ...good, value: body.subarray(0, -1) }, ['not-avro']],
    ['as not-avro where bytes are left', { ...good, value: Buffer.concat([body, body]) }, ['not-avro']],
    ['as unknown-schema', { ...good, value: Buffer.concat([wireHeader(77), body]) }, ['unknown-schema']],
    ['as wrong-record', { ...good, topic: 'mta.relayed' }, ['wrong-record']],
    ['as invalid-field', produced(feedback.delivered({ messageId: 'a', attempt: 0 }), 4), ['invalid-field']],
    ['as key-mismatch', { ...good, key: Buffer.from('b') }, ['key-mismatch']],
    ['as key-mismatch without a key', { ...good, key: null }, ['key-mismatch']],
    ['as wrong-partition', { ...good, partition: (good.partition + 1) % 4 }, ['wrong-partition']],
  ];

  it.each(cases)('%s', (_, record, reasons) => {
    const { deadLetters, messages } = counted([record]);
    expect([...deadLetters.values()]).toEqual([reasons]);
    expect(messages.size).toBe(0);
  });

  it.each([
    ['an event id of 129 units', feedback.delivered({ eventId: 'x'.repeat(129) })],
    ['an empty event id', feedback.delivered({ eventId: '' })],
    ['a control character in the message id', feedback.delivered({ messageId: 'a\u0085' })],
    ['a slash in the delivery id', feedback.delivered({ deliveryId: 'a/b' })],
    ['a domain of 254 units', feedback.delivered({ recipientDomain: 'x'.repeat(254) })],
    ['a time before 2000', feedback.delivered({ occurredAt: Date.UTC(2000, 0, 1) - 1 })],
    ['a time in 2100', feedback.delivered({ occurredAt: Date.UTC(2100, 0, 1) })],
    ['a relay in 2100', feedback.delivered({ relayedAt: Date.UTC(2100, 0, 1) })],
    ['attempt 1001', feedback.delivered({ attempt: 1001 })],
    ['a validity period below nothing', feedback.relayed({ validityPeriodMs: -1 })],
    ['a size below nothing', feedback.relayed({ deliverySize: -1 })],
  ])('for %s', (_, each) => {
    expect([...counted(log([each])).deadLetters.values()]).toEqual([['invalid-field']]);
  });

  it('has a distinct schema id for each topic', () => {
    expect(new Set(Object.values(SCHEMA_IDS)).size).toBe(Object.keys(SCHEMA_IDS).length);
  });
});

describe('the comparison with the recount', () => {
  const expected = counted(log(CAMPAIGN));

  it('finds nothing where the input is repeated or in another order', () => {
    const repeated = log([...CAMPAIGN, ...CAMPAIGN.slice(3, 7)].reverse());
    expect(compare(counted(repeated), observed(expected))).toEqual([]);
  });

  it('finds every single record that is missing', () => {
    CAMPAIGN.forEach((_, index) => {
      // Any feedback implies the relay, so `c` and `d` only lose the hour they were relayed in.
      const without = CAMPAIGN.filter((__, other) => other !== index);
      const differences = compare(counted(log(without)), observed(expected));
      const implied =
        ['b', 'c', 'd'].includes(CAMPAIGN[index]!.messageId) && CAMPAIGN[index]!.kind === 'Relayed';
      const overridden = index === 8;
      // `c` has two complaints, and that of `d` is not-spam.
      const silent = CAMPAIGN[index]!.kind === 'Complained' && CAMPAIGN[index]!.messageId !== 'a';
      expect(differences.length > 0).toBe(!implied && !overridden && !silent);
    });
  });

  it.each([
    [
      'a time',
      { ...CAMPAIGN[1]!, occurredAt: T0 + 3 * HOUR },
      'delivery d1 kpis.throughput.2026-11-22T04Z.successes',
    ],
    ['a domain', { ...CAMPAIGN[0]!, recipientDomain: 'aol.com' }, 'delivery d1 kpis.byDomain.google.relayed'],
  ])('finds %s that was altered', (_, altered, path) => {
    const index = CAMPAIGN.findIndex((each) => each.kind === altered.kind);
    const changed = CAMPAIGN.map((each, other) => (other === index ? altered : each));
    const differences = compare(counted(log(changed)), observed(expected));
    expect(differences.join('\n')).toContain(path);
  });

  it('finds a class that was altered, in the message and in the counts by reason', () => {
    const changed = CAMPAIGN.map((each) =>
      each.kind === 'HardBounced' ? { ...each, bounceClass: 21 } : each,
    );
    const differences = compare(counted(log(changed)), observed(expected)).join('\n');
    expect(differences).toContain('message d1/d reason: recounted INVALID_DOMAIN, found USER_UNKNOWN');
    expect(differences).toContain(
      'delivery d1 kpis.failedByReason.INVALID_DOMAIN: recounted 1, found absent',
    );
  });

  it('finds dead letters that are missing, wrong or too many', () => {
    const poisoned = counted([...log(CAMPAIGN), { ...log(CAMPAIGN)[1]!, value: null }]);
    const origin = [...poisoned.deadLetters.keys()][0]!;
    expect(compare(poisoned, { deadLetters: new Map([[origin, 'no-value']]) })).toEqual([]);
    expect(compare(poisoned, { deadLetters: new Map([[origin, 'not-avro']]) })).toHaveLength(1);
    expect(compare(poisoned, { deadLetters: new Map() })).toHaveLength(1);
    expect(compare(expected, { deadLetters: new Map([[origin, 'no-value']]) })).toHaveLength(1);
  });
});
