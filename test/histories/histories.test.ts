import { runMany } from './fleet';
import { live } from './history';
import { type Kind, KINDS } from './kinds';

const HISTORIES: readonly { readonly kind: Kind; readonly count: number }[] = [
  { kind: 'usual', count: 5_000 },
  { kind: 'ageing', count: 500 },
];
const PROCESSES = 2;
/** About a minute on a machine with nothing else to do. */
const PATIENCE_MS = 600_000;

describe('histories of a whole installation', () => {
  it.each(HISTORIES)(
    'hold every invariant, the first $count of the $kind ones',
    async ({ kind, count }) => {
      const { histories, violated } = await runMany({ kind, from: 1, count, processes: PROCESSES });
      expect({ histories, violated }).toEqual({ histories: count, violated: [] });
    },
    PATIENCE_MS,
  );

  it.each(Object.keys(KINDS) as Kind[])(
    'are the same each time they are lived through, told or not: %s',
    async (kind) => {
      const { scenarioOf } = KINDS[kind];
      for (const seed of [4, 7, 40, 269]) {
        const { story, ...first } = await live(scenarioOf(seed), { told: true });
        const { story: again, ...second } = await live(scenarioOf(seed), { told: true });
        const { story: untold, ...third } = await live(scenarioOf(seed));
        expect(again).toEqual(story);
        expect(untold).toEqual([]);
        expect([second, third]).toEqual([first, first]);
      }
    },
  );
});
