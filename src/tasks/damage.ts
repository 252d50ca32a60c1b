import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import type { Damage } from '../pipeline/audit';

/** Reports what the audits of this worker’s tasks find. */
export interface DamageWatch {
  /** All that an audit has found; nothing, where the state is whole. */
  found(partition: number, damage: readonly Damage[]): void;
  /** The task has ended. */
  forget(partition: number): void;
}

/** Logs the first damaged delivery of each task once; what is damaged is a reason until an audit finds nothing. */
export function watchDamage(deps: {
  readonly log: Log;
  onReason(key: string, reason: string | null): void;
}): DamageWatch {
  const known = new Map<number, string>();
  const clear = (partition: number): void => {
    if (known.delete(partition)) deps.onReason(`state/${partition}`, null);
  };
  return {
    found(partition, damage) {
      const [first, ...others] = damage;
      if (first === undefined) return clear(partition);
      const { deliveryId, counted, held } = first;
      const more = others.length === 0 ? '' : ` (and those of ${others.length} more deliveries)`;
      const problem = new EfsError(
        'state-damaged',
        `partition ${partition}: Redis holds ${held} of the ${counted} messages of delivery ${deliveryId}${more}`,
      );
      if (known.get(partition) !== deliveryId)
        deps.log.error('state is damaged: its numbers are wrong until it is rebuilt', {
          partition,
          error: problem,
          reason: problem.remedy,
        });
      known.set(partition, deliveryId);
      deps.onReason(`state/${partition}`, `${problem.message} (${problem.remedy})`);
    },
    forget: clear,
  };
}

/** For a candidate: a rebuild compares it with the active state. */
export const NO_DAMAGE_WATCH: DamageWatch = { found: () => undefined, forget: () => undefined };
