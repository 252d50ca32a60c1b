import type { PolicyName } from '../../src/feedback/feedback';
import type { Manifest } from '../../src/store/store';
import type { Policy, Scenario } from './scenario';

/** Every generation that has ever been active, with its policies. */
export interface GenerationHistory {
  record(active: Manifest | null): void;
  /** The default policy of the active generation, or of the workers' settings where there is none. */
  policyOfActive(): Policy;
  /** The default policies under which a generation may have made contributions. */
  policiesOf(generation: number): readonly PolicyName[];
  /** The state ids that have published under a generation number. */
  namesOf(generation: number): readonly number[];
}

export const nameOfPolicy = (policy: Policy): PolicyName => (policy === 'efs' ? 'EFS' : 'RELAY');

export function generationHistory({ settings }: Scenario): GenerationHistory {
  const policies = new Map<number, Set<PolicyName>>();
  const names = new Map<number, Set<number>>();
  let current: Manifest | null = null;
  return {
    record(active) {
      current = active;
      if (active === null) return;
      const { stateId, generation, defaultPolicy } = active;
      policies.set(stateId, (policies.get(stateId) ?? new Set()).add(defaultPolicy));
      names.set(generation, (names.get(generation) ?? new Set()).add(stateId));
    },
    policyOfActive: () =>
      current === null ? settings.policy : current.defaultPolicy === 'EFS' ? 'efs' : 'relay',
    policiesOf: (generation) => [...(policies.get(generation) ?? [])],
    namesOf: (publishedAs) => [...(names.get(publishedAs) ?? [])],
  };
}
