import fc from 'fast-check';
import { encodeMessage, encodeMessageId } from '../../src/store/codec';
import { entryPacker, packFields } from '../../src/store/messages';
import { packRead, packWrite } from '../../src/store/packing';
import { aggregates, messageIds } from '../support/aggregates';
import { RUNS } from '../support/arbitrary';
import { expectEqual } from '../support/equal';

const long = fc.constantFrom('\u20ac', 'x').map((unit) => unit.repeat(128) as never);
const some = fc.array(fc.record({ id: fc.oneof(messageIds, long), changed: fc.option(aggregates) }), {
  maxLength: 40,
});

describe('packed messages', () => {
  it('equal the fields of a read of their ids, packed and iterated', () => {
    fc.assert(
      fc.property(some, (messages) => {
        const fields = packFields(messages);
        const plain = messages.map(({ id }) => encodeMessageId(id));
        expectEqual(fields.packed, packRead({ hash: 'm', fields: plain }));
        expectEqual([...fields], plain);
        expect(fields).toHaveLength(plain.length);
      }),
      RUNS,
    );
  });

  it('equal the entries of a write of the changed ones, packed and iterated', () => {
    fc.assert(
      fc.property(some, (messages) => {
        const packed: [Buffer, Buffer][] = [];
        const hashes: number[] = [];
        const packer = entryPacker(packFields(messages), (hash, bytes, field, fieldEnd, value, valueEnd) => {
          packed.push([bytes.subarray(field, fieldEnd), bytes.subarray(value, valueEnd)]);
          hashes.push(hash);
        });
        messages.forEach(({ changed }, index) => packer.next(changed, index));
        const entries = packer.entries();
        const plain = messages.flatMap(({ id, changed }) =>
          changed === null ? [] : [[encodeMessageId(id), encodeMessage(changed)] as const],
        );
        expectEqual(entries.packed, packWrite({ hash: 'm', entries: plain }));
        expectEqual([...entries], plain);
        expectEqual(packed, plain);
        expect(hashes).toEqual(messages.flatMap(({ changed }, index) => (changed === null ? [] : [index])));
        expect(entries).toHaveLength(plain.length);
      }),
      RUNS,
    );
  });
});
