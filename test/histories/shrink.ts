import { live, type Outcome } from './history';
import type { Scenario } from './scenario';
import type { Mutant } from './machine';

/** Which faults and records of a scenario are left, by their place in it. */
export interface Kept {
  readonly faults: readonly number[];
  readonly records: readonly number[];
}

export const everything = ({ faults, arrivals }: Scenario): Kept => ({
  faults: [...faults.keys()],
  records: [...arrivals.keys()],
});

export function only(scenario: Scenario, kept: Kept): Scenario {
  return {
    ...scenario,
    faults: scenario.faults.filter((_, place) => kept.faults.includes(place)),
    arrivals: scenario.arrivals.filter((_, place) => kept.records.includes(place)),
  };
}

const MOST_ATTEMPTS = 300;

/**
 * Leaves out of a history in which something does not hold whatever can be left out so that still something does not,
 * not necessarily the same. What is left out changes what chance does to the rest.
 */
export async function shrink(
  scenario: Scenario,
  mutant: Mutant = {},
): Promise<{ kept: Kept; outcome: Outcome }> {
  let kept = everything(scenario);
  let outcome = await live(scenario, { mutant });
  let attempts = 0;
  const tryWith = async (fewer: Kept): Promise<boolean> => {
    attempts += 1;
    const shorter = await live(only(scenario, fewer), { mutant });
    if (shorter.violations.length === 0) return false;
    kept = fewer;
    outcome = shorter;
    return true;
  };
  for (const part of ['faults', 'records'] as const) {
    for (let size = Math.ceil(kept[part].length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < kept[part].length && attempts < MOST_ATTEMPTS;) {
        const fewer = kept[part].filter((_, place) => place < at || place >= at + size);
        if (!(await tryWith({ ...kept, [part]: fewer }))) at += size;
      }
    }
  }
  return { kept, outcome };
}
