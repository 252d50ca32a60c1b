import type { PolicyName } from '../../src/feedback/feedback';
import type { Manifest } from '../../src/store/store';
import type { Policy, Scenario } from './scenario';

/** Every generation that has ever been active: what its records mean. */
export interface GenerationBook {
  note(active: Manifest | null): void;
  /** The default policy of whatever is active now, or of the workers' settings where nothing is. */
  policyOfActive(): Policy;
  /** The default policies under which contributions of a generation may have been made. */
  policiesOf(generation: number): readonly PolicyName[];
  /** The generations that have published under a number. */
  namesOf(generation: number): readonly number[];
}

export const nameOfPolicy = (policy: Policy): PolicyName => (policy === 'efs' ? 'EFS' : 'RELAY');

export function generationBook({ settings }: Scenario): GenerationBook {
  const policies = new Map<number, Set<PolicyName>>();
  const names = new Map<number, Set<number>>();
  let current: Manifest | null = null;
  return {
    note(active) {
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
