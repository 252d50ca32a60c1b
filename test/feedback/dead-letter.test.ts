import {
  deadLetterHeaders,
  progressHeaders,
  readDeadLetter,
  redrivenHeaders,
} from '../../src/feedback/dead-letter';
import type { LogRecord, RecordHeader } from '../../src/log/source';

const header = (name: string, value: string): RecordHeader => ({
  name: Buffer.from(name),
  value: Buffer.from(value),
});
const recordWith = (headers: RecordHeader[], bytes: Buffer | null = Buffer.from('v')): LogRecord => ({
  topic: 0,
  partition: 2,
  offset: 5,
  timestamp: 1,
  key: bytes,
  value: bytes,
  headerCount: headers.length,
  headers: () => headers,
});

const why = {
  reason: 'not-avro',
  detail: 'no magic byte',
  origin: { topic: 'p.mta.relayed', partition: 2, offset: 99 },
} as const;

describe('the dead-letter topic', () => {
  const own = [header('trace', 'x'), header('efs.reason', 'forged'), header('efs.origin', 'elsewhere/0/0')];
  const letter = readDeadLetter(recordWith(deadLetterHeaders(own, why)));

  test('a dead letter is read with its reason, origin and own headers, also with forged headers', () => {
    expect(letter).toMatchObject({ kind: 'letter', ...why, headers: own, redrivenFrom: null });
  });

  test('a reason that this version does not give is read as unknown', () => {
    const forged = { ...why, reason: '\u001b[2J' as 'not-avro' };
    expect(readDeadLetter(recordWith(deadLetterHeaders([], forged)))).toMatchObject({ reason: 'unknown' });
  });

  test('a redriven record has its own headers and the offset of its dead letter', () => {
    if (letter.kind !== 'letter') throw new Error('no letter');
    const redriven = redrivenHeaders(letter, 'p.efs.dead-letter');
    expect(redriven).toEqual([...own, header('efs.redriven-from', 'p.efs.dead-letter/2/5')]);
    const again = readDeadLetter(recordWith(deadLetterHeaders(redriven, why)));
    expect(again).toMatchObject({ kind: 'letter', redrivenFrom: 'p.efs.dead-letter/2/5' });
    // Redriven again, it has only the latest offset.
    if (again.kind !== 'letter') throw new Error('no letter');
    expect(redrivenHeaders(again, 'p.efs.dead-letter')).toHaveLength(own.length + 1);
  });

  test('a progress record is read with its offsets, also with malformed ranges', () => {
    const offsets = [1, 2, 3, 7, 9, 10];
    const headers = progressHeaders(offsets);
    expect(String(headers[0]?.value)).toBe('1-3,7,9-10');
    expect(readDeadLetter(recordWith(headers, null))).toEqual({ kind: 'progress', offsets });
    const forged = readDeadLetter(recordWith([header('efs.redriven', '0-99999999999,x,-1')], null));
    expect(forged.kind === 'progress' && forged.offsets.length).toBe(10_000);
  });

  test('a record without the service’s headers is foreign', () => {
    for (const headers of [
      [],
      own,
      deadLetterHeaders([], why).slice(1),
      [...deadLetterHeaders([], why), ...own],
    ]) {
      expect(readDeadLetter(recordWith(headers))).toEqual({ kind: 'foreign' });
    }
    expect(readDeadLetter(recordWith(progressHeaders([1])))).toEqual({ kind: 'foreign' });
  });
});
