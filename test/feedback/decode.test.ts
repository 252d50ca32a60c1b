import fc from 'fast-check';
import type { FeedbackKind } from '../../src/feedback/feedback';
import { SCHEMAS } from '../../src/feedback/schemas';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { invalidField } from '../../src/feedback/validation';
import { common, framed, recordOf, VALID, type World, world } from './decode.builders';
import { expectEqual } from '../support/equal';

const KINDS = FEEDBACK_TOPICS.map(({ kind }) => kind);
let at: World;

beforeEach(async () => {
  at = await world();
});

/** The reason alone. */
const reasonOf = async (record: Parameters<World['one']>[0]): Promise<string> =>
  String(await at.one(record)).replace(/:.*$/s, '');

describe('decoding an input record', () => {
  it.each(KINDS)('a %s is decoded to the encoded fields and its kind', async (kind) => {
    expect(await at.one(at.given(kind))).toEqual({ ...VALID[kind], kind });
  });

  it('decoded feedback keeps its kind when it is copied or serialized as JSON', async () => {
    const feedback = (await at.one(at.given('Delivered'))) as object;
    expect({ ...feedback }).toMatchObject({ kind: 'Delivered' });
    expect(JSON.parse(JSON.stringify(feedback))).toMatchObject({ kind: 'Delivered' });
  });

  it('each record is in exactly one of inputs and rejected, in the order of the batch', async () => {
    const records = [
      at.given('Relayed', { eventId: 'a' }),
      recordOf('Relayed', null, { offset: 1 }),
      at.given('Delivered', { eventId: 'b' }),
      recordOf('Relayed', Buffer.alloc(3), { offset: 2 }),
    ];
    const { inputs, rejected } = await at.decode(records);
    expect(inputs.map((each) => each.eventId)).toEqual(['a', 'b']);
    expect(rejected.map((each) => each.record)).toEqual([records[1], records[3]]);
  });

  it('strings are decoded independently of earlier records with equal, shorter or non-ASCII strings', async () => {
    const domains = ['gmail.com', 'gmail.com', 'gmail.co', 'Ã©', 'é', 'gmail.com'];
    const records = domains.map((recipientDomain) => at.given('Delivered', { recipientDomain }));
    const { inputs } = await at.decode(records);
    expect(inputs.map((each) => each.recipientDomain)).toEqual(domains);
  });
});

describe('a record is rejected', () => {
  const UNKNOWN_ID = 99;
  const deliver = (changes: object = {}): Buffer =>
    framed(at.ids.Delivered, 'Delivered', { ...VALID.Delivered, ...changes });

  it('as no-value where it has no value, also with too many headers', async () => {
    expect(await reasonOf(recordOf('Delivered', null, { headerCount: 257 }))).toBe('no-value');
  });

  it('as too-large from one byte or one header over the limit, before it is decoded', async () => {
    const header = Buffer.from([0, 0, 0, 0, UNKNOWN_ID]);
    const largest = Buffer.concat([header, Buffer.alloc(256 * 1024 - 5)]);
    expect(await reasonOf(recordOf('Delivered', Buffer.concat([largest, Buffer.alloc(1)])))).toBe(
      'too-large',
    );
    expect(await reasonOf(recordOf('Delivered', largest))).toBe('unknown-schema');
    expect(await reasonOf(recordOf('Delivered', Buffer.alloc(2), { headerCount: 257 }))).toBe('too-large');
    expect(await reasonOf(recordOf('Delivered', Buffer.alloc(2), { headerCount: 256 }))).toBe('not-avro');
  });

  it.each([[[]], [[0]], [[0, 0, 0, 0]], [[1, 0, 0, 0, UNKNOWN_ID]], [[0x7b, 0x22, 0x61, 0x22, 0x3a]]])(
    'as not-avro without magic byte or with fewer than five bytes: %j',
    async (bytes) => {
      expect(await reasonOf(recordOf('Delivered', Buffer.from(bytes)))).toBe('not-avro');
    },
  );

  it('as unknown-schema where the registry does not have the id, also zero and negative ids', async () => {
    for (const id of [UNKNOWN_ID, 0, -1, -2_147_483_648, 2_147_483_647]) {
      const value = Buffer.alloc(5);
      value.writeInt32BE(id, 1);
      expect(await reasonOf(recordOf('Delivered', value))).toBe('unknown-schema');
    }
  });

  it("as wrong-record where its schema is another topic's, also truncated", async () => {
    const value = framed(at.ids.Relayed, 'Relayed', VALID.Relayed);
    expect(await at.one(recordOf('Delivered', value))).toBe(
      `wrong-record: schema ${at.ids.Relayed} is efs.feedback.Relayed, not efs.feedback.Delivered`,
    );
    expect(await reasonOf(recordOf('Delivered', value.subarray(0, 9)))).toBe('wrong-record');
    expect(
      await reasonOf(recordOf('SoftBounced', framed(at.ids.HardBounced, 'HardBounced', VALID.HardBounced))),
    ).toBe('wrong-record');
  });

  it('as wrong-record where its schema is unreadable, not a record, or lacks the fields', async () => {
    const unreadable = jest.spyOn(at.registry, 'schemaById').mockResolvedValueOnce('unreadable');
    expect(await reasonOf(recordOf('Delivered', Buffer.from([0, 0, 0, 0, UNKNOWN_ID])))).toBe('wrong-record');
    unreadable.mockRestore();
    for (const schema of [
      '"string"',
      '["null","string"]',
      '{"type":"record","name":"Delivered","fields":[]}',
    ]) {
      const id = await at.add('Delivered', schema);
      expect(await reasonOf(recordOf('Delivered', Buffer.from([0, 0, 0, 0, id])))).toBe('wrong-record');
    }
  });

  it('as wrong-record where the writer lacks a field that has no default, or has another type for it', async () => {
    const schema = JSON.parse(SCHEMAS.Delivered.text) as { fields: { name: string; type: unknown }[] };
    const lacking = { ...schema, fields: schema.fields.filter((field) => field.name !== 'deliveryId') };
    const other = {
      ...schema,
      fields: schema.fields.map((field) =>
        field.name === 'attempt' ? { name: 'attempt', type: 'long' } : field,
      ),
    };
    for (const text of [JSON.stringify(lacking), JSON.stringify(other)]) {
      const id = await at.add('Delivered', text);
      expect(await at.one(recordOf('Delivered', framed(id, 'Delivered', VALID.Delivered, text)))).toBe(
        `wrong-record: schema ${id} cannot be read as efs.feedback.Delivered`,
      );
    }
  });

  it('as not-avro where bytes are missing or left over, also with an invalid field', async () => {
    for (const value of [deliver(), deliver({ eventId: '' })]) {
      expect(await reasonOf(recordOf('Delivered', value.subarray(0, -1)))).toBe('not-avro');
      expect(await reasonOf(recordOf('Delivered', Buffer.concat([value, Buffer.alloc(1)])))).toBe('not-avro');
    }
  });

  it.each(KINDS)('as not-avro where a %s is truncated at any byte', async (kind) => {
    const value = framed(at.ids[kind], kind, VALID[kind]);
    for (let length = 0; length < value.length; length += 1) {
      expect(await reasonOf(recordOf(kind, value.subarray(0, length)))).toBe('not-avro');
    }
  });

  it('as invalid-field before key-mismatch, and as key-mismatch before wrong-partition', async () => {
    const elsewhere = { key: Buffer.from('other'), partition: NO_PARTITION };
    expect(await at.one({ ...at.given('Delivered', { attempt: 0 }), ...elsewhere })).toBe(
      'invalid-field: attempt',
    );
    expect(await reasonOf({ ...at.given('Delivered'), ...elsewhere })).toBe('key-mismatch');
    expect(await reasonOf({ ...at.given('Delivered'), partition: NO_PARTITION })).toBe('wrong-partition');
  });

  it('as key-mismatch where the key is not the messageId in UTF-8', async () => {
    const id = 'naïve-😀';
    expect(await at.one(at.given('Delivered', { messageId: id }))).toMatchObject({ messageId: id });
    const keys = [null, '', 'message-', 'message-2', 'message-11', 'Message-1'];
    for (const key of keys) {
      const bytes = key === null ? null : Buffer.from(key);
      expect(await reasonOf({ ...at.given('Delivered'), key: bytes })).toBe('key-mismatch');
    }
    const latin1 = { ...at.given('Delivered', { messageId: 'naïve' }), key: Buffer.from('naïve', 'latin1') };
    expect(await reasonOf(latin1)).toBe('key-mismatch');
  });

  it('as wrong-partition unless the partitioner is off', async () => {
    const misplaced = { ...at.given('Delivered'), partition: NO_PARTITION };
    expect(await reasonOf(misplaced)).toBe('wrong-partition');
    at = await world({ partitioner: 'off' });
    expect(await at.one(misplaced)).toMatchObject({ kind: 'Delivered' });
  });
});

/** No key belongs to it: partitions are 0 to 11. */
const NO_PARTITION = 12;

describe('a field is invalid', () => {
  const Y2000 = Date.UTC(2000, 0, 1);
  const Y2100 = Date.UTC(2100, 0, 1);
  const long = (length: number): string => 'x'.repeat(length);

  it.each<[FeedbackKind, string, unknown[], unknown[]]>([
    [
      'Delivered',
      'eventId',
      ['', long(129), 'a\u0000', '\u001f', '\u007f', 'a\u009fb'],
      [long(128), ' ', '\u00a0', 'a/b', '😀'.repeat(64)],
    ],
    ['Delivered', 'messageId', ['', long(129), 'a\n', '😀'.repeat(65)], [long(128), 'a/b', 'é']],
    ['Delivered', 'deliveryId', ['', long(129), 'a/b', '/', '\u0085'], [long(128), 'a b']],
    ['Delivered', 'occurredAt', [Y2000 - 1, Y2100, 0, -1, 1_763_812_800], [Y2000, Y2100 - 1]],
    ['Delivered', 'recipientDomain', ['', long(254)], [long(253), 'x']],
    ['Delivered', 'relayedAt', [Y2000 - 1, Y2100, 0], [Y2000, Y2100 - 1, null]],
    ['Delivered', 'attempt', [0, -1, 1001], [1, 1000]],
    ['HardBounced', 'attempt', [0, 1001], [1, 1000]],
    ['SoftBounced', 'relayedAt', [Y2100], [null]],
    ['RetryOutcome', 'attempt', [0], [1]],
    ['RetryOutcome', 'relayedAt', [0], [null]],
    ['Complained', 'relayedAt', [Y2000 - 1, Y2100], [Y2000, null]],
    ['Relayed', 'validityPeriodMs', [-1], [0, null, Number.MAX_SAFE_INTEGER - 1]],
    ['Relayed', 'deliverySize', [-1], [0, null, Number.MAX_SAFE_INTEGER - 1]],
    ['HardBounced', 'bounceClass', [], [-2_147_483_648, 0, 999, 2_147_483_647]],
    ['HardBounced', 'diagnostic', [], ['', '\u0000', long(5000)]],
  ])('of %s: %s', async (kind, field, invalid, valid) => {
    for (const value of invalid) {
      expect(await at.one(at.given(kind, { [field]: value }))).toBe(`invalid-field: ${field}`);
    }
    for (const value of valid)
      expect(await at.one(at.given(kind, { [field]: value }))).toHaveProperty(field, value);
  });

  it('or not-avro, where a long exceeds the safe integers', async () => {
    const value = framed(at.ids.Relayed, 'Relayed', {
      ...VALID.Relayed,
      policy: null,
      validityPeriodMs: null,
    });
    const upToSize = value.subarray(0, -2);
    for (const varint of ['80808080808080 20', 'feffffffffffffffff01', 'ffffffffffffffffff01']) {
      const bytes = Buffer.from(varint.replaceAll(' ', ''), 'hex');
      const record = recordOf('Relayed', Buffer.concat([upToSize.subarray(0, -1), Buffer.from([2]), bytes]));
      expect(await at.one(record)).toMatch(/^(invalid-field: deliverySize|not-avro)/);
    }
  });
});

describe('arbitrary bytes', () => {
  it('never make the decoder throw, and only valid feedback is decoded', async () => {
    const kind = fc.constantFrom(...KINDS);
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => () => Buffer.from(bytes)),
      fc
        .record({ cut: fc.nat(200), at: fc.nat(200), byte: fc.nat(255) })
        .map(({ cut, at: place, byte }) => (valid: Buffer) => {
          const bytes = Buffer.from(valid.subarray(0, Math.max(cut, 5)));
          bytes[Math.min(place, bytes.length - 1)] = byte;
          return bytes;
        }),
    );
    await fc.assert(
      fc.asyncProperty(kind, body, async (of, make) => {
        const header = framed(at.ids[of], of, VALID[of]);
        const bytes = make(header.subarray(5));
        const { inputs } = await at.decode([recordOf(of, Buffer.concat([header.subarray(0, 5), bytes]))]);
        for (const input of inputs) {
          expectEqual(invalidField(input), null);
          expectEqual(input.messageId, common.messageId);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('a value with one changed byte is decoded as avsc decodes it, or rejected', async () => {
    const value = framed(at.ids.HardBounced, 'HardBounced', VALID.HardBounced);
    for (let index = 5; index < value.length; index += 1) {
      for (const byte of [0, 1, 2, 0x7f, 0x80, 0xff]) {
        const changed = Buffer.from(value);
        changed[index] = byte;
        const outcome = await at.one(recordOf('HardBounced', changed));
        if (typeof outcome === 'string') continue;
        expect(outcome).toMatchObject(SCHEMAS.HardBounced.type.fromBuffer(changed.subarray(5)) as object);
      }
    }
  });
});
