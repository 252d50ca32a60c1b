import { partitionOf } from '../../src/log/partitioner';

describe('the partition of a key', () => {
  // The vectors of Kafka's own test of its hash function.
  it.each([
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
    ['abc', 479_470_107],
  ])('is computed from Kafka’s murmur2: %s', (key, hash) => {
    expect(partitionOf(Buffer.from(key), 2 ** 31)).toBe(hash & 0x7fffffff);
    expect(partitionOf(Buffer.from(key), 7)).toBe((hash & 0x7fffffff) % 7);
  });
});
