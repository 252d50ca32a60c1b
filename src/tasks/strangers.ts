import type { Log } from '../base/log';
import type { LogRecord } from '../log/source';

/*
 * Topics that the service alone should write can be written by others who have the right. Where the service reads back what it has
 * published, a record that it cannot have written means nothing: it is counted, and the next record is read.
 */

/** Receives the records that are passed over. */
export interface Strangers {
  /** `topic` is the log's own name. A record that is read again counts once. */
  passedOver(topic: string, record: Pick<LogRecord, 'partition' | 'offset'>): void;
}

/** Counts them, and logs the first one of each partition. */
export function watchStrangers({
  log,
  count,
}: {
  readonly log: Pick<Log, 'warn'>;
  readonly count: (topic: string) => void;
}): Strangers {
  const last = new Map<string, number>();
  return {
    passedOver(topic, { partition, offset }) {
      const place = `${topic}/${partition}`;
      const before = last.get(place);
      if (before !== undefined && offset <= before) return;
      last.set(place, offset);
      count(topic);
      if (before !== undefined) return;
      log.warn('record that the service has not written is passed over', { topic, partition, offset });
    },
  };
}
