import { type TopicIds, topicIds } from '../log/topic-ids';
import type { TopicReader } from '../log/source';
import type { Generations, Manifest } from '../store/store';

/** The dependencies of knowing whose positions a state holds. */
export interface TopicIdDeps {
  readonly reader: Pick<TopicReader, 'topicIds'>;
  /** The topics that a state has positions in: the inputs and the contributions, by their names in Kafka. */
  readonly positionedTopics: readonly string[];
}

/** The ids of the topics of a state. To be read before its start positions: a topic may be created again in between. */
export async function idsOfTopics({ reader, positionedTopics }: TopicIdDeps): Promise<TopicIds> {
  return topicIds(positionedTopics, await reader.topicIds(positionedTopics));
}

/**
 * The manifest with the ids of topics that it did not know: that of a state written by an earlier version, or while
 * brokers had no ids yet. From then on they are those that its positions belong to.
 */
export async function adoptTopicIds(
  deps: TopicIdDeps & { readonly store: Pick<Generations, 'replaceActive'> },
  manifest: Manifest,
): Promise<Manifest> {
  const known = manifest.topicIds ?? {};
  if (deps.positionedTopics.every((topic) => topic in known)) return manifest;
  const ids = { ...(await idsOfTopics(deps)), ...known };
  if (Object.keys(ids).length === Object.keys(known).length) return manifest;
  const adopted = { ...manifest, topicIds: ids };
  await deps.store.replaceActive(manifest, adopted);
  return adopted;
}
