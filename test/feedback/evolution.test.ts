import { type types } from 'avsc';
import { contributionDecoder } from '../../src/feedback/decode';
import { memoryRegistry } from '../../src/avro/registry.memory';
import { parseSchema } from '../../src/avro/schema';
import { SCHEMAS } from '../../src/feedback/schemas';
import { systemClock } from '../../src/base/clock';
import { framed, recordOf, VALID, type World, world } from './decode.builders';

interface Field {
  name: string;
  type: unknown;
  default?: unknown;
}
interface RecordText {
  fields: Field[];
}

let at: World;

beforeEach(async () => {
  at = await world();
});

/** The schema of a kind with its fields changed. */
function changed(
  kind: 'Relayed' | 'Delivered' | 'HardBounced',
  change: (fields: Field[]) => Field[],
): string {
  const schema = JSON.parse(SCHEMAS[kind].text) as RecordText;
  return JSON.stringify({ ...schema, fields: change(schema.fields) });
}

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

describe('a decode bomb is rejected within 100 ms', () => {
  const bomb = async (type: unknown, tail: number[]): Promise<[unknown, number]> => {
    const schema = changed('Delivered', (fields) => [...fields, { name: 'extra', type }]);
    const id = await at.add('Delivered', schema);
    const head = framed(id, 'Delivered', VALID.Delivered);
    const record = recordOf('Delivered', Buffer.concat([head, Buffer.from(tail)]));
    await at.one(record);
    const start = performance.now();
    return [await at.one(record), performance.now() - start];
  };
  const MANY = [0x80, 0xd0, 0xac, 0xf3, 0x0e];

  it.each<[string, unknown, number[]]>([
    ['an array of ints behind the end', { type: 'array', items: 'int' }, MANY],
    ['an array of nulls', { type: 'array', items: 'null' }, [...MANY, 0]],
    ['a block of negative count', { type: 'array', items: 'null' }, [0xff, 0xcf, 0xac, 0xf3, 0x0e, 0, 0]],
    ['a map of nulls', { type: 'map', values: 'null' }, MANY],
    [
      'an array of empty records',
      { type: 'array', items: { type: 'record', name: 'E', fields: [] } },
      [...MANY, 0],
    ],
    [
      'a record that contains itself',
      {
        type: 'record',
        name: 'R',
        fields: [
          { name: 'r', type: 'R' },
          { name: 's', type: 'R' },
        ],
      },
      [],
    ],
    ['a string longer than the record', 'string', MANY],
    ['a string of negative length', 'string', [1]],
    ['a varint without end', 'long', new Array<number>(100_000).fill(0x80)],
    ['an int of more than 32 bits', 'int', [0x80, 0x80, 0x80, 0x80, 0x10]],
    ['a boolean of 2', 'boolean', [2]],
    ['an unknown branch', ['null', 'int'], [4]],
    ['an unknown symbol', { type: 'enum', name: 'N', symbols: ['A'] }, [2]],
    [
      'records nested without end',
      { type: 'record', name: 'L', fields: [{ name: 'l', type: ['null', 'L'] }] },
      new Array<number>(200_000).fill(2),
    ],
  ])('%s', async (_name, type, tail) => {
    const [outcome, milliseconds] = await bomb(type, tail);
    expect(outcome).toMatch(/^not-avro/);
    expect(milliseconds).toBeLessThan(100);
  });

  it('deeply nested records without bytes', async () => {
    let type: unknown = 'null';
    for (let level = 0; level < 12; level += 1) {
      const fields = Array.from({ length: 10 }, (_, index) => ({
        name: `f${index}`,
        type: index === 0 ? type : level === 0 ? 'null' : `L${level - 1}`,
      }));
      type = { type: 'record', name: `L${level}`, fields };
    }
    const [outcome, milliseconds] = await bomb(type, []);
    expect(outcome).toMatch(/^not-avro/);
    expect(milliseconds).toBeLessThan(100);
  });

  /** `count` null fields, from `f<first>` on. */
  const nulls = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `f${index}`, type: 'null' }));

  it.each([60_000, 900])('an array of as many records of %i null fields as it has bytes', async (count) => {
    const items = { type: 'record', name: 'W', fields: nulls(count) };
    const block = Buffer.alloc(240_000);
    Buffer.from(zigzag(200_000)).copy(block);
    const [outcome, milliseconds] = await bomb({ type: 'array', items }, [...block]);
    expect(outcome).toMatch(count > 1_000 ? /^wrong-record: .* more than 1000 fields$/ : /^not-avro/);
    expect(milliseconds).toBeLessThan(100);
  });

  it('a wide schema, whose records are wrong-record at once, however wide', async () => {
    const inner = (name: string) => ({ type: 'record', name, fields: nulls(495) });
    const fields = [
      { name: 'a', type: inner('A') },
      { name: 'b', type: ['null', { type: 'array', items: inner('B') }] },
    ];
    const widest = { type: 'record', name: 'O', fields };
    expect((await bomb(widest, [0]))[0]).toMatchObject({ kind: 'Delivered' });
    const wider = { type: 'record', name: 'O', fields: [...fields, { name: 'c', type: 'null' }] };
    expect((await bomb(wider, [0]))[0]).toMatch(/^wrong-record: .* more than 1000 fields$/);
  });

  it('a deep schema, whose records are wrong-record at once', async () => {
    const nested = (levels: number): unknown =>
      levels === 0 ? 'int' : { type: 'array', items: nested(levels - 1) };
    expect((await bomb(nested(60), [0]))[0]).toMatchObject({ kind: 'Delivered' });
    expect((await bomb(nested(70), [0]))[0]).toMatch(/^wrong-record: .* deeper than 64 levels$/);
  });

  it('many fields of one long enumeration', async () => {
    const symbols = Array.from({ length: 50_000 }, (_, index) => `S${index}`);
    const first = { name: 'e', type: { type: 'enum', name: 'E', symbols } };
    const others = Array.from({ length: 900 }, (_, index) => ({ name: `e${index}`, type: 'E' }));
    const before = process.memoryUsage().rss;
    const [outcome] = await bomb(
      { type: 'record', name: 'O', fields: [first, ...others] },
      new Array<number>(901).fill(2),
    );
    expect(outcome).toMatchObject({ kind: 'Delivered' });
    expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
  });
});

/** The varint of a count. */
function zigzag(count: number): number[] {
  const bytes: number[] = [];
  for (let rest = 2 * count; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
}

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
  };
  const decodeOne = async (bytes: Buffer | null): Promise<unknown> => {
    const registry = memoryRegistry();
    await registry.register('c', SCHEMAS.Contribution.text);
    const limits = { maxValueBytes: 1_000_000, maxHeaders: 10 };
    const decode = contributionDecoder({ registry, clock: systemClock, limits });
    const { inputs, rejected } = await decode([{ ...recordOf('Delivered', bytes), topic: 0 }]);
    return inputs[0] ?? rejected[0]?.reason;
  };
  const bytesOf = (contribution: object): Buffer =>
    Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), SCHEMAS.Contribution.type.toBuffer(contribution)]);

  it('is decoded as encoded, also a barrier or a retirement marker', async () => {
    expect(await decodeOne(bytesOf(value))).toEqual(value);
    expect(await decodeOne(bytesOf({ ...value, deliveryId: null }))).toEqual({ ...value, deliveryId: null });
    expect(await decodeOne(bytesOf({ ...value, retiredAt: 7 }))).toEqual({ ...value, retiredAt: 7 });
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
  return Buffer.concat([header, ...(JSON.parse(schema) as RecordText).fields.map(bytesOf)]);
}
