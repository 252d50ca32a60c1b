import {
  deadLetterHeaders,
  noteHeaders,
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

describe('a record of the dead-letter topic', () => {
  const own = [header('trace', 'x'), header('efs.reason', 'forged'), header('efs.origin', 'elsewhere/0/0')];
  const letter = readDeadLetter(recordWith(deadLetterHeaders(own, why)));

  test('gives back what was set aside and why, whatever its own headers pretend', () => {
    expect(letter).toMatchObject({ kind: 'letter', ...why, headers: own, redrivenFrom: null });
  });

  test('that is put back has its own headers again, and says where it comes from', () => {
    if (letter.kind !== 'letter') throw new Error('no letter');
    const back = redrivenHeaders(letter, 'p.efs.dead-letter');
    expect(back).toEqual([...own, header('efs.redriven-from', 'p.efs.dead-letter/2/5')]);
    const again = readDeadLetter(recordWith(deadLetterHeaders(back, why)));
    expect(again).toMatchObject({ kind: 'letter', redrivenFrom: 'p.efs.dead-letter/2/5' });
    // Put back once more it says only where it comes from this time.
    if (again.kind !== 'letter') throw new Error('no letter');
    expect(redrivenHeaders(again, 'p.efs.dead-letter')).toHaveLength(own.length + 1);
  });

  test('may be a note of what was put back', () => {
    const offsets = [1, 2, 3, 7, 9, 10];
    const headers = noteHeaders(offsets);
    expect(String(headers[0]?.value)).toBe('1-3,7,9-10');
    expect(readDeadLetter(recordWith(headers, null))).toEqual({ kind: 'note', offsets });
    expect(readDeadLetter(recordWith([header('efs.redriven', '0-99999999999,x,-1')], null))).toMatchObject({
      kind: 'note',
    });
  });

  test('is foreign where the service did not write it', () => {
    for (const headers of [
      [],
      own,
      deadLetterHeaders([], why).slice(1),
      [...deadLetterHeaders([], why), ...own],
    ]) {
      expect(readDeadLetter(recordWith(headers))).toEqual({ kind: 'foreign' });
    }
    expect(readDeadLetter(recordWith(noteHeaders([1])))).toEqual({ kind: 'foreign' });
  });
});
