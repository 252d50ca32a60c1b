import { isNativeError } from 'node:util/types';
import { CODECS, deflate, inflate, loadCodec } from '../../../src/kafka/codecs.kafka';
import { allowing, holds, type Target } from '../target';

const MAX = 1 << 20;
const CONTENT = [Buffer.alloc(0), Buffer.from('the same words, the same words'), Buffer.alloc(2 * MAX, 'ab')];

/** Compressed bytes; the first byte names the codec. Output is bounded, and every refusal is an error. */
export const codecs: Target = {
  name: 'codecs',
  maxMs: 300,
  maxBytes: 64 << 10,
  async open() {
    await Promise.all(CODECS.map(loadCodec));
    return {
      seeds: CODECS.flatMap((codec, index) =>
        CONTENT.map((content) => Buffer.concat([Buffer.from([index]), deflate(codec, content)])),
      ),
      run(input) {
        const codec = CODECS[(input[0] ?? 0) % CODECS.length] ?? 'off';
        const outcome = allowing(isNativeError, () => inflate(codec, input.subarray(1), MAX));
        if ('refused' in outcome) return `${codec} ${outcome.refused}`;
        holds(codec === 'off' || outcome.value.length <= MAX, 'no more is decompressed than allowed');
        return `${codec} ${Math.round(Math.log2(outcome.value.length + 1))}`;
      },
    };
  },
};
