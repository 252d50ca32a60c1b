import { assert } from '../base/assert';
import type { TaskAddress } from './store';

/**
 * Every Redis key of the service; nothing else spells one.
 *
 *     efs:<namespace>:{<generation>.<s|k>.<partition>}:t         a task: e epoch, q sequence, p positions,
 *                                                                  c epoch of the last commit, x number it is sealed against
 *     efs:<namespace>:{<generation>.<s|k>.<partition>}:o         its outbox
 *     efs:<namespace>:{<generation>.<s|k>.<partition>}:h:<hash>  its hashes
 *     efs:<namespace>:{generations}:active                       the manifest of the active generation
 *     efs:<namespace>:{generations}:all                          generation to manifest, of all there are
 *
 * Redis Cluster hashes what stands between the first `{` and the next `}`, so all of a task is in one slot, whatever
 * characters the name of a hash has.
 */
export interface Keys {
  readonly active: string;
  readonly all: string;
  task(task: TaskAddress): string;
  outbox(task: TaskAddress): string;
  hash(task: TaskAddress, name: string): string;
}

const LETTER = { status: 's', kpi: 'k' } as const;

/** The namespace of a group under a topic prefix: different pairs never meet. */
export function namespaceOf(groupId: string, topicPrefix: string): string {
  const group = encodeURIComponent(groupId);
  return topicPrefix === '' ? group : `${group}:${encodeURIComponent(topicPrefix)}`;
}

/** The keys of a namespace. It must not hold a brace (`namespaceOf` gives none): ours must come first. */
export function keysOf(namespace: string): Keys {
  assert(!/[{}]/.test(namespace), `a brace in the namespace ${namespace}`);
  const prefix = (task: TaskAddress): string =>
    `efs:${namespace}:{${task.stateId}.${LETTER[task.pipeline]}.${task.partition}}`;
  return {
    active: `efs:${namespace}:{generations}:active`,
    all: `efs:${namespace}:{generations}:all`,
    task: (task) => `${prefix(task)}:t`,
    outbox: (task) => `${prefix(task)}:o`,
    hash: (task, name) => `${prefix(task)}:h:${name}`,
  };
}
