import { createHash } from 'node:crypto';
import { readDeadLetter } from '../../src/feedback/dead-letter';
import { sizeBound } from '../../src/kafka/encode.kafka';
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

describe('a dead letter of a record that its topic does not take', () => {
  const KIB = 1 << 10;
  const MIB = 1 << 20;
  /** As set-up makes the topic; a batch has a header of its own. */
  const TOPIC_TAKES = 4 * MIB - 100;
  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const filled = (bytes: number): Buffer => Buffer.alloc(bytes, 'delivery');
  const rejected = (reason: 'too-large' | 'invalid-field' | 'no-value', changes: Partial<LogRecord>) => {
    const letter = deadLetter(
      { record: { ...record, ...changes }, reason, detail: 'x'.repeat(5_000) },
      TOPICS,
    );
    const headers = letter.headers ?? [];
    const read = readDeadLetter({
      ...record,
      ...letter,
      headerCount: headers.length,
      headers: () => headers,
      topic: 0,
      timestamp: 0,
    });
    if (read.kind !== 'letter') throw new Error('it is no dead letter');
    return { letter, read };
  };
  const truncationIn = ({ headers = [] }: ReturnType<typeof deadLetter>): string[] =>
    headers.slice(-3).map(({ name, value }) => `${String(name)}: ${String(value)}`);

  it('keeps the first 3 MiB of a larger value, with its length and SHA-256', () => {
    const value = filled(5 * MIB);
    const { letter, read } = rejected('too-large', { value });
    expect(letter.value?.equals(value.subarray(0, 3 * MIB))).toBe(true);
    expect(truncationIn(letter)).toEqual([
      'efs.truncated: value',
      'efs.length: 5242880',
      `efs.sha256: ${sha256(value)}`,
    ]);
    expect(read).toMatchObject({ reason: 'too-large', isWhole: false, valueBytes: 5 * MIB, headers: own });
  });

  it.each([3 * MIB, 256 * KIB + 1, 1])('is whole where a too-large value has %i bytes', (bytes) => {
    const { letter, read } = rejected('too-large', { value: filled(bytes) });
    expect(letter.value).toHaveLength(bytes);
    expect(read).toMatchObject({ isWhole: true, valueBytes: bytes });
  });

  const many = Array.from({ length: 20_000 }, () => header('', ''));
  it.each<[string, Partial<LogRecord>, string]>([
    ['key', { key: filled(2 * MIB) }, 'key'],
    ['value and key', { key: filled(16 * MIB), value: filled(16 * MIB) }, 'value,key'],
    ['header', { headers: () => [...own, { name: filled(MIB), value: null }], headerCount: 4 }, 'headers'],
    ['number of headers', { headers: () => many, headerCount: 30_000_000 }, 'headers'],
    [
      'headers and all',
      { headers: () => many, headerCount: 20_000, key: filled(MIB), value: filled(9 * MIB) },
      'value,key,headers',
    ],
  ])('fits the topic and says what it lacks: a large %s', (_, changes, parts) => {
    for (const reason of ['too-large', 'invalid-field'] as const) {
      const { letter, read } = rejected(reason, changes);
      expect(sizeBound(letter)).toBeLessThan(TOPIC_TAKES);
      expect(truncationIn(letter)[0]).toBe(`efs.truncated: ${parts}`);
      expect(read.isWhole).toBe(false);
    }
  });

  it('keeps the headers before one that is too large', () => {
    const { read } = rejected('too-large', {
      headers: () => [...own, { name: filled(MIB), value: null }, ...own],
      headerCount: 7,
    });
    expect(read.headers).toEqual(own);
  });

  it('is not mistaken for one by forged headers of the record', () => {
    const forged = [header('efs.truncated', 'value'), header('efs.length', '1'), header('efs.sha256', '')];
    expect(rejected('too-large', { headers: () => forged, headerCount: 3 }).read).toMatchObject({
      isWhole: true,
      headers: forged,
    });
  });
});
