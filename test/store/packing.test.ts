import fc from 'fast-check';
import { InvariantError } from '../../src/base/assert';
import { packRead, packWrite, parsePositions, showPositions } from '../../src/store/packing';

const bytes = (...values: number[]): Buffer => Buffer.from(values);

describe('packed arguments', () => {
  it('of a read are a count, then each field after its length', () => {
    const blob = packRead({ hash: 'c', fields: [Buffer.from('ab'), Buffer.alloc(0)] });
    expect(blob).toEqual(bytes(0, 0, 0, 2, 0, 2, 0x61, 0x62, 0, 0));
  });

  it('of a write are two counts, then what to set, then what to delete', () => {
    const entries = [
      [Buffer.from('x'), null],
      [Buffer.from('a'), Buffer.from('bc')],
    ] as const;
    const set = [0, 1, 0x61, 0, 0, 0, 2, 0x62, 0x63];
    expect(packWrite({ hash: 'c', entries })).toEqual(bytes(0, 0, 0, 1, 0, 0, 0, 1, ...set, 0, 1, 0x78));
  });

  it('refuse a field that is longer than its length prefix can express', () => {
    const long = Buffer.alloc(65_536);
    expect(() => packRead({ hash: 'c', fields: [long] })).toThrow('65536 bytes');
    expect(() => packWrite({ hash: 'c', entries: [[long, null]] })).toThrow('65536 bytes');
    expect(packRead({ hash: 'c', fields: [long.subarray(1)] })).toHaveLength(4 + 2 + 65_535);
  });

  it('of positions parse to the same positions', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat()), (positions) => {
        expect(parsePositions(showPositions(positions))).toEqual(positions);
      }),
    );
  });

  it.each(['x', '1,,2', '-1', '1.5', '1e3', ',1', '9007199254740993'])(
    'of positions: %s is refused',
    (text) => {
      expect(() => parsePositions(text)).toThrow(InvariantError);
    },
  );
});
