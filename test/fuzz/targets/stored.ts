import { InvariantError } from '../../../src/base/assert';
import { SCHEMAS } from '../../../src/feedback/schemas';
import { wireType } from '../../../src/kpi/encode';
import { emptySum } from '../../../src/kpi/publish';
import { decodeDeadlineEntry } from '../../../src/pipeline/timer-index';
import { decodeMessage, decodeMessageId, encodeMessage, encodeMessageId } from '../../../src/store/codec';
import { unpackOutbox } from '../../../src/store/outbox';
import { parsePositions } from '../../../src/store/packing';
import { CONTRIBUTIONS_TOPIC } from '../../../src/feedback/topics';
import { packOutbox } from '../../../src/store/outbox';
import type { MessageId } from '../../../src/base/ids';
import type { Contribution } from '../../../src/kpi/encode';
import { allowing, holds, type Target } from '../target';

const contribution = wireType<Contribution>(SCHEMAS.Contribution, 7);

function readMessage(bytes: Buffer): string {
  const message = decodeMessage(bytes);
  // A packed number may say more than the aggregate can: what is read once is read again as the same.
  const again = encodeMessage(message);
  holds(encodeMessage(decodeMessage(again)).equals(again), 'an aggregate that is read is stored as it was');
  return `message ${bytes.length}`;
}

function readId(bytes: Buffer): string {
  const id = decodeMessageId(bytes);
  holds(
    decodeMessageId(encodeMessageId(id)) === id || id.includes('\ufffd') || id.startsWith('\0'),
    'an id stays',
  );
  return 'id';
}

const READERS: readonly ((bytes: Buffer) => string)[] = [
  readMessage,
  readId,
  (bytes) => `outbox ${Math.min(9, unpackOutbox(bytes).length)}`,
  (bytes) => `deadlines ${decodeDeadlineEntry(bytes).soonest < Infinity}`,
  (bytes) => `positions ${Math.min(9, parsePositions(bytes.toString('latin1')).length)}`,
  (bytes) => `contribution ${contribution.read(bytes) !== null}`,
];

function seeds(): Buffer[] {
  const key = Buffer.from('d1');
  const value = contribution.encode(emptySum('d1', 1));
  const outbox = packOutbox([{ topic: CONTRIBUTIONS_TOPIC, partition: 3, key, value }]);
  const message = Buffer.from(
    '1d9c0196a1b2c3d40200036ee80196a1b2c3d40000000a010196a1b2c3d40000000a01',
    'hex',
  );
  const bodies: (Buffer | null)[] = [
    message,
    encodeMessageId('0b0e8a0c-9d7e-4b55-9d0b-000000000001' as MessageId),
    outbox,
    Buffer.alloc(10, 1),
    Buffer.from('12,0,99'),
    value,
  ];
  return bodies.flatMap((body, index) =>
    body === null ? [] : [Buffer.concat([Buffer.from([index]), body])],
  );
}

/** Values of the state; the first byte chooses the reader. Damaged ones are a broken invariant, and nothing else. */
export const stored: Target = {
  name: 'stored',
  maxMs: 100,
  maxBytes: 64 << 10,
  open: async () => ({
    seeds: seeds(),
    run(input) {
      const index = (input[0] ?? 0) % READERS.length;
      const outcome = allowing(
        (error) => error instanceof InvariantError,
        () => READERS[index]?.(input.subarray(1)) ?? '',
      );
      return 'value' in outcome ? outcome.value : `${index} ${outcome.refused}`;
    },
  }),
};
