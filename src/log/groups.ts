import { EfsError } from '../base/errors';
import type { Committed } from './source';

/** A member of a consumer group, as the group's coordinator lists it. */
export interface GroupMember {
  readonly clientId: string;
  readonly host: string;
  /** The topics it reads, by the log's own names; empty where its metadata is not in the consumer protocol's format. */
  readonly topics: readonly string[];
}

/** Inspects consumer groups without joining them. All methods throw `kafka-unavailable`, `access-refused`. */
export interface Groups {
  /** Null while the group rebalances: its coordinator then does not list its members' topics. */
  members(groupId: string): Promise<readonly GroupMember[] | null>;
  /** The group's committed offset for each partition of a topic; null without one. */
  committed(groupId: string, topic: string): Promise<ReadonlyMap<number, Committed | null>>;
}

/** Whether a member reads one of these topics. */
export const readsAny = ({ topics }: Pick<GroupMember, 'topics'>, of: readonly string[]): boolean =>
  topics.some((topic) => of.includes(topic));

/** A member and its topics, for messages to the operator. */
export const described = ({ clientId, host, topics }: GroupMember): string =>
  `${clientId} at ${host.replace(/^\//, '')} reads ${topics.length === 0 ? 'topics that it does not list' : topics.join(', ')}`;

/** `group-shared` where a group that reads these topics has members that read none of them; else null. */
export function foreignMembers(
  groupId: string,
  members: readonly GroupMember[],
  topics: readonly string[],
): EfsError | null {
  const strangers = members.filter((member) => !readsAny(member, topics));
  if (strangers.length === 0) return null;
  return new EfsError(
    'group-shared',
    `consumer group ${groupId} has members that read other topics: ${strangers.map(described).join('; ')}`,
  );
}
