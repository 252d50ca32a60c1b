import { readTopicMetadata, topicMetadataRequest } from '../../src/kafka/topic-metadata.kafka';

interface Request {
  readonly request: { encode(): Promise<{ readonly buffer: Buffer }> };
}

const ID = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex');
const int32 = (value: number): string => value.toString(16).padStart(8, '0');
/** A compact string: its length and one, and its bytes. */
const text = (value: string): string =>
  (value.length + 1).toString(16).padStart(2, '0') + Buffer.from(value).toString('hex');

const partition = ['0000', int32(0), int32(1), int32(5), '02' + int32(1), '02' + int32(1), '01', '00'].join(
  '',
);
const topic = (error: string, name: string, id: Buffer): string =>
  [error, text(name), id.toString('hex'), '00', '02', partition, int32(0x508), '00'].join('');

/** A response of version 10, as Kafka's protocol guide has it. */
const response = Buffer.from(
  [
    ['00', int32(0)], // tagged fields of the header, throttle time
    ['02', int32(1), text('kafka'), int32(9092), '00', '00'], // one broker without a rack
    [text('cluster'), int32(1)],
    [
      '05',
      topic('0000', 'in', ID),
      topic('0003', 'missing', Buffer.alloc(16)),
      topic('0000', 'old', Buffer.alloc(16)),
      topic('001d', 'hidden', Buffer.alloc(16)),
    ],
    [int32(0), '00'],
  ]
    .flat()
    .join(''),
  'hex',
);

describe('the metadata of topics', () => {
  test('has ids and operations: none of a missing topic, no id from before there were ids, nothing of a hidden one', () => {
    expect([...readTopicMetadata(response)]).toEqual([
      ['in', { id: ID.toString('base64url'), operations: 0x508 }],
      ['old', { id: null, operations: 0x508 }],
      ['hidden', { id: null, operations: 0 }],
    ]);
  });

  test('is asked for by name, with the operations', async () => {
    const { request } = topicMetadataRequest(['in']) as Request;
    const bytes = (await request.encode()).buffer;
    expect(bytes.toString('hex')).toBe(
      ['00', '02', '00'.repeat(16), text('in'), '00', '000001', '00'].join(''),
    );
  });
});
