import { deadLetter } from '../../src/pipeline/dead-letter';
import type { LogRecord, RecordHeader } from '../../src/log/source';

const header = (name: string, value: string | null): RecordHeader => ({
  name: Buffer.from(name, 'latin1'),
  value: value === null ? null : Buffer.from(value),
});

const own = [header('trace', 'x'), header('trace', null), header('\u00ff', '')];

const record: LogRecord = {
  topic: 1,
  partition: 3,
  offset: 42,
  timestamp: 1_700_000_000_000,
  key: Buffer.from([0, 255]),
  value: Buffer.from([1, 2, 3]),
  headerCount: own.length,
  headers: () => own,
};

const TOPICS = ['t.mta.relayed', 't.mta.delivered'];

describe('a dead letter', () => {
  const letter = deadLetter({ record, reason: 'not-avro', detail: 'no magic byte' }, TOPICS);

  it('keeps key, value, headers and timestamp of the record, in the partition of the same number', () => {
    expect(letter).toMatchObject({ topic: 'efs.dead-letter', partition: 3, timestamp: 1_700_000_000_000 });
    expect(letter.key).toBe(record.key);
    expect(letter.value).toBe(record.value);
    expect(letter.headers?.slice(0, own.length)).toEqual(own);
  });

  it('has the reason and the origin in headers after the record’s own', () => {
    const added = letter.headers?.slice(own.length).map(({ name, value }) => [String(name), String(value)]);
    expect(added).toEqual([
      ['efs.reason', 'not-avro'],
      ['efs.detail', 'no magic byte'],
      ['efs.origin', 't.mta.delivered/3/42'],
      ['__connect.errors.topic', 't.mta.delivered'],
      ['__connect.errors.partition', '3'],
      ['__connect.errors.offset', '42'],
      ['__connect.errors.exception.message', 'not-avro: no magic byte'],
    ]);
  });

  it('keeps a null key and a null value', () => {
    const empty = deadLetter(
      { record: { ...record, key: null, value: null }, reason: 'no-value', detail: '' },
      TOPICS,
    );
    expect([empty.key, empty.value]).toEqual([null, null]);
  });

  it('has at most a thousand characters of detail', () => {
    const long = deadLetter({ record, reason: 'invalid-field', detail: 'x'.repeat(5_000) }, TOPICS);
    const detail = long.headers?.find(({ name }) => String(name) === 'efs.detail')?.value;
    expect(detail).toHaveLength(1_000);
  });

  it('is equal, byte for byte, where it is built again', () => {
    expect(deadLetter({ record, reason: 'not-avro', detail: 'no magic byte' }, TOPICS)).toEqual(letter);
  });
});
