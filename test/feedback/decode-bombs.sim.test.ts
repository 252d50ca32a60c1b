import { changed, framed, recordOf, VALID, type World, world } from './decode.builders';

let at: World;

beforeEach(async () => {
  at = await world();
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
