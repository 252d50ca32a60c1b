import { type types } from 'avsc';
import { contributionDecoder } from '../../src/feedback/decode';
import { memoryRegistry } from '../../src/avro/registry.memory';
import { parseSchema } from '../../src/avro/schema';
import { SCHEMAS } from '../../src/feedback/schemas';
import { systemClock } from '../../src/base/clock';
import { changed, type Field, framed, recordOf, VALID, type World, world } from './decode.builders';

let at: World;

beforeEach(async () => {
  at = await world();
});

const retyped = (name: string, type: unknown) => (fields: Field[]) =>
  fields.map((field) => (field.name === name ? { name, type } : field));

async function decoded(
  kind: 'Relayed' | 'Delivered' | 'HardBounced',
  schema: string,
  value: object,
): Promise<unknown> {
  const id = await at.add(kind, schema);
  return at.one(recordOf(kind, framed(id, kind, value, schema)));
}

describe('a record written with another schema version', () => {
  it('without fields that have defaults is read with the defaults', async () => {
    const schema = changed('HardBounced', (fields) => fields.slice(0, 5));
    const expected = { attempt: 1, bounceClass: 1, source: 'SYNC', relayedAt: null, diagnostic: null };
    expect(await decoded('HardBounced', schema, VALID.HardBounced)).toMatchObject(expected);
  });

  it('with added fields of any type and reordered fields is read, and rejected where truncated', async () => {
    const extra: Field[] = [
      { name: 'kind', type: 'string' },
      { name: 'note', type: ['null', 'string', { type: 'map', values: 'bytes' }] },
      { name: 'tags', type: { type: 'array', items: { type: 'map', values: ['int', 'long', 'double'] } } },
      { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 3 } },
      { name: 'ratio', type: 'float' },
      { name: 'scale', type: 'double' },
      { name: 'big', type: 'long' },
      {
        name: 'tree',
        type: { type: 'record', name: 'Tree', fields: [{ name: 'next', type: ['null', 'Tree'] }] },
      },
      { name: 'shade', type: { type: 'enum', name: 'Shade', symbols: ['LIGHT', 'DARK'] } },
      { name: '__proto__', type: 'boolean' },
    ];
    const schema = changed('Delivered', (fields) => [
      ...extra.slice(0, 5),
      ...fields.toReversed(),
      ...extra.slice(5),
    ]);
    const value = {
      ...VALID.Delivered,
      kind: 'Forged',
      note: 'new',
      tags: [{ a: 1 }, {}, { b: 3, c: 0.5 }],
      hash: Buffer.from([1, 2, 3]),
      ratio: 1.5,
      scale: 2.5,
      big: 2 ** 60,
      tree: { next: { next: null } },
      shade: 'DARK',
    };
    const id = await at.add('Delivered', schema);
    const bytes = evolvedBytes(id, schema, value);
    expect(await at.one(recordOf('Delivered', bytes))).toEqual({ ...VALID.Delivered, kind: 'Delivered' });
    for (let length = 5; length < bytes.length; length += 1) {
      expect(await at.one(recordOf('Delivered', bytes.subarray(0, length)))).toMatch(/^not-avro/);
    }
  });

  it('with narrower numbers, and bytes for strings, is read', async () => {
    const narrower = retyped('deliverySize', ['null', 'int']);
    const schema = changed('Relayed', (fields) => retyped('eventId', 'bytes')(narrower(fields)));
    const value = { ...VALID.Relayed, eventId: Buffer.from('event-é') };
    expect(await decoded('Relayed', schema, value)).toMatchObject({
      eventId: 'event-é',
      deliverySize: 1_000,
    });
  });

  it('with a field made optional is read with a value, and rejected with null', async () => {
    const schema = changed('Delivered', retyped('attempt', ['null', 'int']));
    expect(await decoded('Delivered', schema, VALID.Delivered)).toMatchObject({ attempt: 2 });
    expect(await decoded('Delivered', schema, { ...VALID.Delivered, attempt: null })).toMatch(
      /^wrong-record/,
    );
  });

  it('with an optional field made required is read', async () => {
    const schema = changed('Delivered', retyped('relayedAt', 'long'));
    expect(await decoded('Delivered', schema, VALID.Delivered)).toMatchObject(VALID.Delivered);
  });

  it('with added enum symbols is read with a known symbol, and rejected with an added one', async () => {
    const symbols = ['DEFERRED', 'ASYNC', 'SYNC'];
    const schema = changed('HardBounced', retyped('source', { type: 'enum', name: 'BounceSource', symbols }));
    expect(await decoded('HardBounced', schema, VALID.HardBounced)).toMatchObject({ source: 'ASYNC' });
    const unknown = { ...VALID.HardBounced, source: 'DEFERRED' };
    expect(await decoded('HardBounced', schema, unknown)).toMatch(/^wrong-record/);
    const id = await at.add('HardBounced', schema);
    const truncated = framed(id, 'HardBounced', unknown, schema).subarray(0, -1);
    expect(await at.one(recordOf('HardBounced', truncated))).toMatch(/^not-avro/);
  });

  it('of another namespace is rejected as wrong-record', async () => {
    const schema = SCHEMAS.Delivered.text.replace('efs.feedback', 'efs.other');
    expect(await decoded('Delivered', schema, VALID.Delivered)).toMatch(
      /^wrong-record: .* is efs.other.Delivered/,
    );
  });
});

describe('a contribution', () => {
  const value = {
    generation: 3,
    partition: 4,
    deliveryId: 'delivery-1',
    revision: 9,
    asOf: 1,
    saysEfs: true,
    saysRelay: false,
    deliverySize: null,
    ...Object.fromEntries(
      (SCHEMAS.Contribution.type as types.RecordType).fields
        .slice(8, 20)
        .map((field, index) => [field.name, index]),
    ),
    failedByReason: { REFUSED: 2 },
    byDomain: { google: { relayed: 4, sent: 3, failed: 2, softBounced: 1 } },
    throughput: { '2026-11-22T03Z': { successes: 2, errors: 1 } },
    folded: { 0: 6, 1: 3 },
    retiredAt: null,
    complained: 3,
    retiredFrom: null,
  };
  const decodeOne = async (bytes: Buffer | null): Promise<unknown> => {
    const registry = memoryRegistry();
    await registry.register('c', SCHEMAS.Contribution.text);
    const limits = { maxValueBytes: 1_000_000, maxHeaders: 10 };
    const decode = contributionDecoder({ registry, clock: systemClock, limits });
    const { inputs, rejected } = await decode([{ ...recordOf('Delivered', bytes), topic: 0, offset: 3 }]);
    const [input] = inputs;
    if (input === undefined) return rejected[0]?.reason;
    const { offset, ...contribution } = input;
    expect(offset).toBe(3);
    return contribution;
  };
  const bytesOf = (contribution: object): Buffer =>
    Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), SCHEMAS.Contribution.type.toBuffer(contribution)]);

  it('is decoded as encoded, also a barrier or the last one to a retired delivery', async () => {
    expect(await decodeOne(bytesOf(value))).toEqual(value);
    expect(await decodeOne(bytesOf({ ...value, deliveryId: null }))).toEqual({ ...value, deliveryId: null });
    const retired = { ...value, retiredFrom: { 0: 7, 4: 2 } };
    expect(await decodeOne(bytesOf(retired))).toEqual(retired);
  });

  it('is decoded with map keys such as __proto__ as data', async () => {
    const byReason = JSON.parse('{"__proto__": 5, "constructor": 6}') as object;
    const outcome = (await decodeOne(bytesOf({ ...value, failedByReason: byReason }))) as {
      failedByReason: object;
    };
    expect(Object.entries(outcome.failedByReason)).toEqual([
      ['__proto__', 5],
      ['constructor', 6],
    ]);
    expect(({} as { relayed?: unknown }).relayed).toBeUndefined();
  });

  it('is rejected where it has no value, is truncated or has an unknown schema', async () => {
    expect(await decodeOne(null)).toBe('no-value');
    expect(await decodeOne(bytesOf(value).subarray(0, -1))).toBe('not-avro');
    expect(await decodeOne(Buffer.from([0, 0, 0, 0, 2]))).toBe('unknown-schema');
  });
});

/** Like `framed`, but also with fields that avsc does not write: an ambiguous union, a long beyond 2^53, a bad name. */
function evolvedBytes(id: number, schema: string, value: Record<string, unknown>): Buffer {
  const header = Buffer.alloc(5);
  header.writeInt32BE(id, 1);
  const byHand = new Map([
    // A block of two with its (unused) size: one map of one int, one empty map.
    ['tags', Buffer.from([0x03, 0x00, 0x02, 0x02, 0x61, 0x00, 0x02, 0x00, 0x00, 0x00])],
    ['big', Buffer.from('feffffffffffffffff01', 'hex')],
    ['__proto__', Buffer.from([1])],
  ]);
  const bytesOf = (field: Field): Buffer => {
    const type = { type: 'record', name: 'efs.feedback.One', fields: [field] };
    return (
      byHand.get(field.name) ??
      parseSchema(JSON.stringify(type)).toBuffer({ [field.name]: value[field.name] })
    );
  };
  return Buffer.concat([header, ...(JSON.parse(schema) as { fields: Field[] }).fields.map(bytesOf)]);
}
