import { requestsOf } from '../../src/kafka/produce.kafka';
import type { OutgoingRecord } from '../../src/log/sink';

const sized = (partition: number, bytes: number, topic = 'out'): OutgoingRecord => ({
  topic,
  partition,
  key: null,
  value: Buffer.alloc(bytes),
});
const sizes = (records: readonly OutgoingRecord[]): number[][] =>
  requestsOf(records, 'p.').map((request) =>
    request.map(({ records: inBatch }) => inBatch.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)),
  );

test('records of one partition share a batch, each topic under the tenant’s prefix', () => {
  const requests = requestsOf([sized(0, 1), sized(1, 2), sized(0, 3), sized(0, 4, 'other')], 'p.');
  expect(requests).toHaveLength(1);
  expect(requests[0]?.map(({ topic, partition, records }) => [topic, partition, records.length])).toEqual([
    ['p.out', 0, 2],
    ['p.out', 1, 1],
    ['p.other', 0, 1],
  ]);
});

test('a request stays below half a megabyte unless a single record is larger', () => {
  expect(
    sizes([sized(0, 300_000), sized(1, 200_000), sized(0, 100_000), sized(0, 900_000), sized(0, 5)]),
  ).toEqual([[300_000, 200_000], [100_000], [900_000], [5]]);
});

test('no records make no request', () => {
  expect(sizes([])).toEqual([]);
});
