import { deadLetterHeaders, progressHeaders, readDeadLetter } from '../../../src/feedback/dead-letter';
import { masked, maskedDetail, previewOf } from '../../../src/feedback/redaction';
import type { LogRecord, RecordHeader } from '../../../src/log/source';
import { deadLetterView } from '../../../src/queries/dead-letters';
import { holds, type Target } from '../target';

const origin = { topic: 'mta.relayed', partition: 2, offset: 99 };

/** Headers as bytes: for each a length of the name, the name, a length of the value, the value; 255 for null. */
function headersFrom(bytes: Buffer): { headers: RecordHeader[]; rest: Buffer } {
  const headers: RecordHeader[] = [];
  let at = 1;
  const take = (): Buffer | null => {
    const length = bytes[at++] ?? 255;
    if (length === 255) return null;
    at += length;
    return bytes.subarray(at - length, at);
  };
  for (let left = bytes[0] ?? 0; left > 0 && at < bytes.length; left -= 1)
    headers.push({ name: take() ?? Buffer.alloc(0), value: take() });
  return { headers, rest: bytes.subarray(at) };
}

function bytesOf(headers: readonly RecordHeader[], value: string): Buffer {
  const parts = headers.flatMap(({ name, value: content }) =>
    [name, content ?? Buffer.alloc(0)].map((part) => Buffer.concat([Buffer.from([part.length]), part])),
  );
  return Buffer.concat([Buffer.from([headers.length]), ...parts, Buffer.from(value)]);
}

/** Records of the dead-letter topic, which others may write, too: listed and masked, whatever they hold. */
export const deadLetters: Target = {
  name: 'dead-letters',
  maxMs: 200,
  maxBytes: 64 << 10,
  async open() {
    const view = deadLetterView(100);
    const letter = deadLetterHeaders([], { reason: 'invalid-field', detail: 'recipientDomain', origin });
    const cut = { part: 'value', length: 999, sha256: 'ab' } as const;
    return {
      seeds: [
        bytesOf(letter, '550 5.1.1 <user@example.org>: unknown, call +33 1 23 45 67 89'),
        bytesOf(
          deadLetterHeaders([], { reason: 'too-large', detail: '', origin }, [cut]),
          '{"a":"b@example.org"}',
        ),
        bytesOf(progressHeaders([1, 2, 3, 7]), ''),
      ],
      run(input) {
        const { headers, rest } = headersFrom(input);
        const value = rest.length === 0 ? null : rest;
        const record: LogRecord = {
          ...{ topic: 0, partition: 0, offset: 5, timestamp: -1, key: value, value },
          ...{ headerCount: headers.length, headers: () => headers },
        };
        const read = readDeadLetter(record);
        if (read.kind === 'progress')
          holds(read.offsets.length <= 10_000, 'a forged progress record is bounded');
        view.take(record);
        holds(view.page({ limit: 10, before: null }).letters.length <= 10, 'a page is bounded');
        holds(Object.keys(view.byReason()).length <= 20, 'counts by reason are bounded');
        const text = rest.toString('utf8');
        const hidden = masked(text);
        const preview = previewOf(value, null, { showsRecipients: false, bytes: rest.length });
        if (read.kind === 'letter') maskedDetail(read.reason, read.detail);
        return `${read.kind} ${hidden === text} ${preview === null}`;
      },
    };
  },
};
