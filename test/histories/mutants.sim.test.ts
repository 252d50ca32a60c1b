import { runHistory } from './history';
import { type Kind, KINDS } from './kinds';
import { only, shrink } from './shrink';

const AT_MOST = 10_000;
const TIMEOUT_MS = 1_500_000;
const EVERY = (Object.keys(KINDS) as Kind[]).flatMap((kind) =>
  KINDS[kind].mutants.map((mutant) => ({ kind, name: mutant.name, mutant })),
);

describe('mutants of the service', () => {
  it.each(EVERY)(
    `are detected within ${AT_MOST} histories: $name`,
    async ({ kind, mutant }) => {
      const { scenarioOf } = KINDS[kind];
      let { violations } = await runHistory(scenarioOf(mutant.seed), { mutant });
      for (let seed = 1; seed <= AT_MOST && violations.length === 0; seed += 1)
        ({ violations } = await runHistory(scenarioOf(seed), { mutant }));
      expect(violations).not.toEqual([]);
    },
    TIMEOUT_MS,
  );

  it('are detected in the shrunk history, too, with the same violations', async () => {
    const { mutants, scenarioOf } = KINDS.usual;
    const mutant = mutants.find(({ name }) => name === 'a commit passes a record that was not folded')!;
    const scenario = scenarioOf(mutant.seed);
    const { kept, outcome } = await shrink(scenario, mutant);
    expect(outcome.violations).not.toEqual([]);
    expect(kept.records.length).toBeLessThan(scenario.arrivals.length);
    const { violations } = await runHistory(only(scenario, kept), { mutant });
    expect(violations).toEqual(outcome.violations);
  });
});
