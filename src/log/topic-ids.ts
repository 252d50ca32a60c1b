import { EfsError } from '../base/errors';

/**
 * What identifies the logs of topics, by the topics' own names: the id that a topic keeps until it is deleted. A topic that is
 * created again under its name has another id, and its offsets mean other records. A topic without an entry is not known.
 */
export type TopicIds = Readonly<Record<string, string>>;

/** Pairs names with the ids that the log knows. */
export function topicIds(topics: readonly string[], ids: readonly (string | null)[]): TopicIds {
  const entries = topics.map((topic, index) => [topic, ids[index] ?? null] as const);
  return Object.fromEntries(entries.filter(([, id]) => id !== null)) as TopicIds;
}

/** The failure where the log of one of these topics is not the one that was read before, or null. */
export function replacedTopic(
  topics: readonly string[],
  known: TopicIds | undefined,
  now: TopicIds,
): EfsError | null {
  for (const topic of topics) {
    const [before, after] = [known?.[topic], now[topic]];
    if (before === undefined || after === undefined || before === after) continue;
    return new EfsError(
      'topic-replaced',
      `${topic} was deleted and created again: its id was ${before} and is now ${after}`,
    );
  }
  return null;
}
