import type { TopicReader } from '../log/source';
import { type TopicIds, topicIds } from '../log/topic-ids';

/** The ids of the topics that tasks read, as the log last stated them. */
export interface TopicWatch {
  known(): TopicIds;
  /** Asks the log; calls at the same time share a question. Throws `kafka-unavailable`. */
  refresh(): Promise<void>;
}

export function watchTopics(reader: Pick<TopicReader, 'topicIds'>, topics: readonly string[]): TopicWatch {
  let known: TopicIds = {};
  let asking: Promise<void> | null = null;
  return {
    known: () => known,
    refresh() {
      asking ??= reader
        .topicIds(topics)
        .then((ids) => void (known = topicIds(topics, ids)))
        .finally(() => (asking = null));
      return asking;
    },
  };
}
