import type { Servers } from '../../src/app/compose';
import type { Batch, Inbox, LogRecord } from '../../src/log/source';

/**
 * A worker whose log delivers the topics in another order than that of arrival: of all buffered records, those of the
 * first topic come first. A real log promises no order between topics.
 */
export function withTopicsInTurn(deps: Servers): Servers {
  const { status } = deps.sources;
  const inTurn: typeof status = {
    ...status,
    open: async (partition, positions) => takingTurns(await status.open(partition, positions), positions),
  };
  return { ...deps, sources: { ...deps.sources, status: inTurn } };
}

const EVERYTHING = 100_000;

function takingTurns(inbox: Inbox, start: readonly number[]): Inbox {
  let waiting: LogRecord[] = [];
  let next: readonly number[] = start;
  let positions = [...start];
  const give = (max: number): Batch => {
    const records = waiting.splice(0, max);
    for (const { topic, offset } of records) positions[topic] = offset + 1;
    if (waiting.length === 0) positions = [...next];
    return { records, next: [...positions] };
  };
  return {
    ...inbox,
    async take(options) {
      if (waiting.length > 0) return give(options.max);
      const batch = await inbox.take({ ...options, max: EVERYTHING });
      if (batch === null) return null;
      next = batch.next;
      waiting = [...batch.records].sort((a, b) => a.topic - b.topic || a.offset - b.offset);
      return give(options.max);
    },
  };
}
