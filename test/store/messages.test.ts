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
        const packer = entryPacker(packFields(messages));
        for (const { changed } of messages) packer.next(changed);
        const entries = packer.entries();
        const plain = messages.flatMap(({ id, changed }) =>
          changed === null ? [] : [[encodeMessageId(id), encodeMessage(changed)] as const],
        );
        expectEqual(entries.packed, packWrite({ hash: 'm', entries: plain }));
        expectEqual([...entries], plain);
        expect(entries).toHaveLength(plain.length);
      }),
      RUNS,
    );
  });
});
