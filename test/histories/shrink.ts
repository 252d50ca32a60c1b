import { runHistory, type Outcome } from './history';
import type { Scenario } from './scenario';
import type { Mutant } from './instance';

/** The indexes of a scenario's faults and records that are kept. */
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
 * Removes faults and records from a violated history as long as some invariant, not necessarily the same, is still
 * violated. Each removal changes the random draws of the rest.
 */
export async function shrink(
  scenario: Scenario,
  mutant: Mutant = {},
): Promise<{ kept: Kept; outcome: Outcome }> {
  let kept = everything(scenario);
  let outcome = await runHistory(scenario, { mutant });
  let attempts = 0;
  const tryWith = async (fewer: Kept): Promise<boolean> => {
    attempts += 1;
    const shorter = await runHistory(only(scenario, fewer), { mutant });
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
