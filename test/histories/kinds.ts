import { ageingScenarioOf } from './ageing';
import { MUTANTS } from './mutants';
import { AGEING_MUTANTS } from './mutants.ageing';
import { scenarioOf } from './scenario';

/** Kinds of histories: what a seed's is about, and services that are broken on purpose, which they must find out. */
export const KINDS = {
  usual: { scenarioOf, mutants: MUTANTS },
  /** In which deliveries grow old. */
  ageing: { scenarioOf: ageingScenarioOf, mutants: AGEING_MUTANTS },
} as const;

export type Kind = keyof typeof KINDS;
