import { boundedLabel } from '../http/ingest-metrics';
import type { IngesterReport, SourceReport } from '../queries/sources';
import type { IngestSource, Taken } from './source';

/** Counts what sources sent since the start. */
export interface SourceCounts {
  /** Counts what was acknowledged at `now`, in milliseconds since 1970. */
  taken(source: IngestSource, taken: readonly Taken[], now: number): void;
  /** Every source, also one without events. `unmatched` gives the reason of those whose events name no message. */
  report(unmatched: ReadonlyMap<string, string | null>): IngesterReport;
}

interface Counted {
  readonly format: string;
  lastEventAt: number | null;
  feedback: number;
  ignored: number;
  readonly deadLetters: Map<string, number>;
  readonly events: Map<string, number>;
}

const addOne = (counts: Map<string, number>, name: string): void =>
  void counts.set(name, (counts.get(name) ?? 0) + 1);

function add(counted: Counted, { mapped }: Taken, bounded: (word: string) => string): void {
  switch (mapped.outcome) {
    case 'feedback':
      counted.feedback += 1;
      return addOne(counted.events, bounded(mapped.from.event));
    case 'ignored':
      counted.ignored += 1;
      return addOne(counted.events, bounded(mapped.event));
    case 'dead-letter':
      return addOne(counted.deadLetters, mapped.reason);
  }
}

/** Counts the events of these sources. Words of a source are bounded in length and number, as in the metrics. */
export function countSources(
  sources: readonly Pick<IngestSource, 'name' | 'format'>[],
  startedAt: number,
): SourceCounts {
  const bounded = boundedLabel();
  const all = new Map(
    sources.map(({ name, format }): [string, Counted] => [
      name,
      {
        ...{ format: format.name, lastEventAt: null, feedback: 0, ignored: 0 },
        ...{ deadLetters: new Map(), events: new Map() },
      },
    ]),
  );
  return {
    taken({ name }, taken, now) {
      const counted = all.get(name);
      if (counted === undefined || taken.length === 0) return;
      for (const each of taken) add(counted, each, (word) => bounded(name, word));
      counted.lastEventAt = now;
    },
    report: (unmatched) => ({
      startedAt,
      sources: [...all].map(([name, { deadLetters, events, ...rest }]): SourceReport => ({
        ...{ name, ...rest },
        deadLetters: Object.fromEntries(deadLetters),
        events: Object.fromEntries(events),
        unmatched: unmatched.get(name) ?? null,
      })),
    }),
  };
}
