import { sail } from './fleet';
import { live } from './history';
import { scenarioOf } from './scenario';

const HISTORIES = 5_000;
const PROCESSES = 2;
/** Under a minute on a machine with nothing else to do. */
const PATIENCE_MS = 600_000;

describe('histories of a whole installation', () => {
  it(
    `hold every invariant, the first ${HISTORIES} of them`,
    async () => {
      const { histories, violated } = await sail({
        kind: 'usual',
        from: 1,
        count: HISTORIES,
        processes: PROCESSES,
      });
      expect({ histories, violated }).toEqual({ histories: HISTORIES, violated: [] });
    },
    PATIENCE_MS,
  );

  it('are the same each time they are lived through, told or not', async () => {
    for (const seed of [4, 7, 40, 269]) {
      const { story, ...first } = await live(scenarioOf(seed), { told: true });
      const { story: again, ...second } = await live(scenarioOf(seed), { told: true });
      const { story: untold, ...third } = await live(scenarioOf(seed));
      expect(again).toEqual(story);
      expect(untold).toEqual([]);
      expect([second, third]).toEqual([first, first]);
    }
  });
});
