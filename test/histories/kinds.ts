import { retentionScenarioOf } from './scenario.retention';
import { MUTANTS } from './mutants';
import { FOLD_MUTANTS } from './mutants.fold';
import { RETENTION_MUTANTS } from './mutants.retention';
import { scenarioOf } from './scenario';

/** Kinds of histories: their scenarios, and the mutants of the service that they must detect. */
export const KINDS = {
  usual: { scenarioOf, mutants: [...MUTANTS, ...FOLD_MUTANTS] },
  /** With retention. */
  retention: { scenarioOf: retentionScenarioOf, mutants: RETENTION_MUTANTS },
} as const;

export type Kind = keyof typeof KINDS;
