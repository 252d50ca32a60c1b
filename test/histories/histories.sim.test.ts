import { runMany } from './parallel';
import { runHistory } from './history';
import { type Kind, KINDS } from './kinds';
import { IN_CI } from '../support/ci';

const HISTORIES: readonly { readonly kind: Kind; readonly count: number }[] = [
  { kind: 'usual', count: IN_CI ? 1_000 : 500 },
  { kind: 'retention', count: IN_CI ? 100 : 50 },
];
const PROCESSES = 2;
/** Far more than it takes where tests on servers leave nothing of the processors. */
const TIMEOUT_MS = 1_500_000;

describe('simulated histories', () => {
  it.each(HISTORIES)(
    'the first $count of kind "$kind" hold every invariant',
    async ({ kind, count }) => {
      const { histories, violated } = await runMany({ kind, from: 1, count, processes: PROCESSES });
      expect({ histories, violated }).toEqual({ histories: count, violated: [] });
    },
    TIMEOUT_MS,
  );

  it.each(Object.keys(KINDS) as Kind[])(
    'the same seed gives the same history and outcome, traced or not: %s',
    async (kind) => {
      const { scenarioOf } = KINDS[kind];
      for (const seed of [4, 7, 40, 269]) {
        const { trace, ...first } = await runHistory(scenarioOf(seed), { traced: true });
        const { trace: repeated, ...second } = await runHistory(scenarioOf(seed), { traced: true });
        const { trace: empty, ...third } = await runHistory(scenarioOf(seed));
        expect(repeated).toEqual(trace);
        expect(empty).toEqual([]);
        expect([second, third]).toEqual([first, first]);
      }
    },
  );
});
