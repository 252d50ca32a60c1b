import fc from 'fast-check';
import { InvariantError, must } from '../../src/base/assert';
import type { OutgoingRecord } from '../../src/log/sink';
import { packOutbox, unpackOutbox } from '../../src/store/outbox';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const records: fc.Arbitrary<OutgoingRecord[]> = fc.array(
  fc.record({
    topic: fc.constantFrom('efs.kpi-contributions', 'efs.delivery-kpi', 'efs.message-status'),
    partition: fc.integer({ min: 0, max: 9_999 }),
    key: bytes(800),
    value: bytes(3_000),
  }),
  { maxLength: 8 },
);

describe('an outbox', () => {
  it('unpacks to the packed records, in order', () => {
    fc.assert(
      fc.property(records, (all) => {
        expect(unpackOutbox(packOutbox(all))).toEqual(all);
      }),
    );
  });

  it('is null where there is no record', () => {
    expect(packOutbox([])).toBeNull();
    expect(unpackOutbox(null)).toEqual([]);
  });

  const record: OutgoingRecord = {
    topic: 'efs.delivery-kpi',
    partition: 0,
    key: Buffer.from('k'),
    value: Buffer.from('v'),
  };

  it.each<[string, OutgoingRecord]>([
    ['a topic that is not in its table', { ...record, topic: 'efs.dead-letter' }],
    ['headers', { ...record, headers: [] }],
    ['no value', { ...record, value: null }],
    ['no key', { ...record, key: null }],
  ])('refuses a record with %s, instead of losing a part of it', (_, invalid) => {
    expect(() => packOutbox([record, invalid])).toThrow();
  });

  it('refuses truncated bytes', () => {
    const packed = packOutbox([record])!;
    expect(() => unpackOutbox(packed.subarray(0, 6))).toThrow();
  });

  it('is refused where it is truncated', () => {
    const record = {
      topic: 'efs.delivery-kpi',
      partition: 3,
      key: Buffer.from('d1'),
      value: Buffer.from('v'),
    };
    const packed = must(packOutbox([record]), 'a packed outbox');
    for (let length = 1; length < packed.length; length += 1)
      expect(() => unpackOutbox(packed.subarray(0, length))).toThrow(InvariantError);
  });
});
