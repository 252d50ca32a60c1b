import type { OutgoingRecord, Sink } from '../log/sink';

interface Waiting {
  readonly records: readonly OutgoingRecord[];
  resolve(): void;
  reject(error: unknown): void;
}

/** What one emit takes at most: beyond it the rest waits for the next. */
const RECORDS_MAX = 4_000;

/** Of what waits, what goes into the next emit: at least one, in order. */
function nextOf(waiting: Waiting[]): Waiting[] {
  let records = 0;
  const end = waiting.findIndex((each, index) => (records += each.records.length) > RECORDS_MAX && index > 0);
  return waiting.splice(0, end === -1 ? waiting.length : end);
}

/**
 * A sink that sends together what was emitted while the previous emit was in flight: many small emits cost as little as a
 * large one. All that were sent together are acknowledged, or rejected, together.
 */
export function combinedSink(sink: Sink): Sink {
  const waiting: Waiting[] = [];
  let isSending = false;

  const send = async (): Promise<void> => {
    isSending = true;
    while (waiting.length > 0) {
      const together = nextOf(waiting);
      try {
        await sink.emit(together.flatMap(({ records }) => records));
        for (const { resolve } of together) resolve();
      } catch (error) {
        for (const { reject } of together) reject(error);
      }
    }
    isSending = false;
  };
  return {
    emit: (records) =>
      new Promise((resolve, reject) => {
        waiting.push({ records, resolve, reject });
        if (!isSending) void send();
      }),
    close: () => sink.close(),
  };
}
