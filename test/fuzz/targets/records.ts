import { invalidField } from '../../../src/feedback/validation';
import type { Feedback } from '../../../src/feedback/feedback';
import { FEEDBACK_TOPICS } from '../../../src/feedback/topics';
import { changed, recordOf, VALID, world } from '../../feedback/decode.builders';
import { holds, inFewWords, type Target } from '../target';

/** Schemas of producers that differ from ours, each with a part that takes few bytes and may stand for many values. */
const EXTRAS: readonly unknown[] = [
  { type: 'array', items: 'null' },
  { type: 'map', values: { type: 'array', items: ['null', 'long', 'string'] } },
  {
    type: 'record',
    name: 'L',
    fields: [
      { name: 'l', type: ['null', 'L'] },
      { name: 'b', type: 'bytes' },
    ],
  },
  { type: 'array', items: { type: 'record', name: 'E', fields: [] } },
  ['null', 'double', { type: 'fixed', name: 'F', size: 7 }, { type: 'enum', name: 'N', symbols: ['A', 'B'] }],
];

/** Values of input records: the first byte chooses the topic, the second the key. Each is folded or set aside. */
export const records: Target = {
  name: 'records',
  maxMs: 100,
  maxBytes: 300 << 10,
  async open() {
    const at = await world();
    const ids: number[] = [];
    for (const type of EXTRAS)
      ids.push(
        await at.add(
          'Delivered',
          changed('Delivered', (fields) => [...fields, { name: 'extra', type }]),
        ),
      );
    const valid = FEEDBACK_TOPICS.map(({ kind }, topic) =>
      Buffer.concat([Buffer.from([topic, 0]), at.given(kind, VALID[kind]).value ?? Buffer.alloc(0)]),
    );
    const delivered = valid[FEEDBACK_TOPICS.findIndex(({ kind }) => kind === 'Delivered')] ?? Buffer.alloc(7);
    const extended = ids.map((id) => {
      const copy = Buffer.concat([delivered, Buffer.from([2, 0, 0, 0])]);
      copy.writeInt32BE(id, 3);
      return copy;
    });
    return {
      seeds: [...valid, ...extended],
      async run(input) {
        const [topic = 0, key = 0] = input;
        const kind = FEEDBACK_TOPICS[topic % FEEDBACK_TOPICS.length]?.kind ?? 'Relayed';
        const outcome = await at.one(recordOf(kind, input.subarray(2), key === 0 ? {} : { key: null }));
        if (typeof outcome === 'string') return `${kind} ${inFewWords(outcome)}`;
        holds(invalidField(outcome as Feedback) === null, 'what is folded is valid');
        return `${kind} folded`;
      },
    };
  },
};
