import { assert } from '../base/assert';
import type { TaskAddress } from './store';

/**
 * Every Redis key of the service; no other file builds one.
 *
 *     efs:<namespace>:{<state id>.<s|k>.<partition>}:t           a task: e epoch, q sequence, p positions,
 *                                                                  c epoch of the last commit, x number it is sealed against
 *     efs:<namespace>:{<state id>.<s|k>.<partition>}:o           its outbox
 *     efs:<namespace>:{<state id>.<s|k>.<partition>}:h:<hash>    its hashes
 *     efs:<namespace>:{generations}:active                       the manifest of the active generation
 *     efs:<namespace>:{generations}:all                          state id to manifest, of every listed generation
 *
 * Redis Cluster hashes the text between the first `{` and the next `}`, so all keys of a task are in one slot, whatever
 * characters a hash's name has.
 */
export interface Keys {
  readonly active: string;
  readonly all: string;
  task(task: TaskAddress): string;
  outbox(task: TaskAddress): string;
  hash(task: TaskAddress, name: string): string;
}

const LETTER = { status: 's', kpi: 'k' } as const;

/** The namespace of a group under a topic prefix: different pairs never collide. */
export function namespaceOf(groupId: string, topicPrefix: string): string {
  const group = encodeURIComponent(groupId);
  return topicPrefix === '' ? group : `${group}:${encodeURIComponent(topicPrefix)}`;
}

const tagOf = ({ stateId, pipeline, partition }: TaskAddress): string =>
  `{${stateId}.${LETTER[pipeline]}.${partition}}`;

/** What follows the namespace in the key of a hash. */
export const keyEnd = (task: TaskAddress, hash: string): string => `${tagOf(task)}:h:${hash}`;

/** The keys of a namespace. It must not contain a brace (`namespaceOf` gives none): the hash tag's must be the first. */
export function keysOf(namespace: string): Keys {
  assert(!/[{}]/.test(namespace), `a brace in the namespace ${namespace}`);
  const prefix = (task: TaskAddress): string => `efs:${namespace}:${tagOf(task)}`;
  return {
    active: `efs:${namespace}:{generations}:active`,
    all: `efs:${namespace}:{generations}:all`,
    task: (task) => `${prefix(task)}:t`,
    outbox: (task) => `${prefix(task)}:o`,
    hash: (task, name) => `efs:${namespace}:${keyEnd(task, name)}`,
  };
}
