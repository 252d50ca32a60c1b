import { live } from './history';
import { MUTANTS } from './mutants';
import { scenarioOf } from './scenario';
import { only, shrink } from './shrink';

const AT_MOST = 10_000;
const PATIENCE_MS = 600_000;

describe('a service that is broken on purpose', () => {
  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
    `is found out within ${AT_MOST} histories: %s`,
    async (_, mutant) => {
      let violations: readonly string[] = [];
      for (let seed = 1; seed <= AT_MOST && violations.length === 0; seed += 1)
        ({ violations } = await live(scenarioOf(seed), { mutant }));
      expect(violations).not.toEqual([]);
    },
    PATIENCE_MS,
  );

  it('is found out in a shorter history, too, once all is left out that does not matter', async () => {
    const mutant = MUTANTS.find(({ name }) => name === 'a commit passes a record that was not folded')!;
    const scenario = scenarioOf(1);
    const { kept, outcome } = await shrink(scenario, mutant);
    expect(outcome.violations).not.toEqual([]);
    expect(kept.records.length).toBeLessThan(scenario.arrivals.length);
    const { violations } = await live(only(scenario, kept), { mutant });
    expect(violations).toEqual(outcome.violations);
  });
});
