import Cluster from 'kafkajs/src/cluster';
import type { Clock } from '../base/clock';

/** kafkajs' number for the coordinators of transactions; 0 is for those of groups. */
const TRANSACTION = 1;
const REMEMBERED_MS = 1_000;

interface Answer {
  readonly coordinator: Promise<object>;
  /** By `clock.monotonic`. */
  readonly until: number;
}

let remembering = false;

/**
 * kafkajs asks for the coordinator before each step of a transaction, which makes for almost as many requests again.
 * This lets the clusters of its transactional producers remember an answer for a second, in the whole process. A
 * coordinator that has moved meanwhile refuses the step; kafkajs or whoever opens the next producer asks anew.
 */
export function rememberCoordinators(clock: Clock): void {
  if (remembering) return;
  remembering = true;
  const ask = Cluster.prototype.findGroupCoordinatorMetadata;
  const answers = new WeakMap<Cluster, Map<string, Answer>>();
  Cluster.prototype.findGroupCoordinatorMetadata = function (this: Cluster, request) {
    const { groupId, coordinatorType } = request;
    const known = answers.get(this) ?? new Map<string, Answer>();
    if (coordinatorType === TRANSACTION) answers.set(this, known);
    else if (known.size === 0) return ask.call(this, request);
    const key = `${coordinatorType}/${groupId}`;
    const now = clock.monotonic();
    const answer = known.get(key);
    if (answer !== undefined && now < answer.until) return answer.coordinator;
    const coordinator = ask.call(this, request);
    known.set(key, { coordinator, until: now + REMEMBERED_MS });
    coordinator.catch(() => known.delete(key));
    return coordinator;
  };
}
