import { startFuzzing } from './fuzzer';
import { holds, type Target } from './target';
import { TARGETS } from './targets';

const SEED = 20;
/** Inputs of each target, its seeds and its corpus among them; an hour of them is `npm run fuzz -- --minutes 60`. */
const EXECUTIONS = 120;

/** Gives a target so many inputs, and returns its finds as texts. */
async function findsOf(target: Target, executions: number): Promise<string[]> {
  const fuzzing = await startFuzzing(target, SEED);
  let left = executions;
  await fuzzing.run(() => --left <= 0);
  await fuzzing.close();
  return fuzzing
    .report()
    .finds.map(({ input, error }) => `${input.toString('hex').slice(0, 99)}: ${String(error)}`);
}

const planted = (run: (input: Buffer) => string): Target => ({
  ...{ name: 'planted', maxMs: 10, maxBytes: 64 },
  open: async () => ({ seeds: [Buffer.from('abc')], run }),
});

describe('the fuzzer', () => {
  it.each<[string, (input: Buffer) => string, RegExp]>([
    ['an error that no target allows', (input) => String(input.readUInt16BE(input.length - 2)), /RangeError/],
    ['an invariant that does not hold', (input) => (holds(input[0] !== 0, 'no zero'), ''), /no zero/],
    [
      'an input that takes too long',
      (input) => {
        for (const began = process.cpuUsage().user; input.length > 3;)
          if (process.cpuUsage().user - began > 12_000) break;
        return String(input.length);
      },
      /it took \d+ ms, at most 10/,
    ],
  ])('finds %s', async (_, run, expected) => {
    expect((await findsOf(planted(run), 20)).join('\n')).toMatch(expected);
  });
});

// A busy machine may take long for few inputs; what they take of the processor is bounded for each.

describe('bytes from outside', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    'break no invariant of the target %s',
    async (_, target) => {
      expect(await findsOf(target, EXECUTIONS)).toEqual([]);
    },
  );
});
