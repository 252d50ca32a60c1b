import type { Clock } from '../base/clock';
import { cachedFor } from './cached';
import type { NewestLetter } from './ingest-letters';

/** What an ingester says of one of its sources. Counts are of events since its start, once they are acknowledged. */
export interface SourceReport {
  readonly name: string;
  readonly format: string;
  /** When its last event was acknowledged, in milliseconds since 1970; null before the first. */
  readonly lastEventAt: number | null;
  readonly feedback: number;
  readonly ignored: number;
  /** By reason. */
  readonly deadLetters: Readonly<Record<string, number>>;
  /** Feedback and ignored events by the source's own word for them. */
  readonly events: Readonly<Record<string, number>>;
  /** Why most of its events name no message, and the rule that would help; null where they do. */
  readonly unmatched: string | null;
}

/** What a process of `efs ingest serve` or `efs ingest kafka` says of its sources. */
export interface IngesterReport {
  /** In milliseconds since 1970. */
  readonly startedAt: number;
  readonly sources: readonly SourceReport[];
}

/** An ingester that was asked: its report, or why there is none. */
export type IngesterAnswer = { readonly url: string } & (
  { readonly report: IngesterReport } | { readonly problem: string }
);

/** A source over all ingesters that answered; `since` is the earliest start that its counts go back to. */
export interface SourceView extends SourceReport {
  readonly since: number;
}

/** Sums by name, also of names that objects have of themselves. */
function summed(
  some: Readonly<Record<string, number>>,
  others: Readonly<Record<string, number>>,
): Record<string, number> {
  const sums = new Map(Object.entries(some));
  for (const [name, count] of Object.entries(others)) sums.set(name, (sums.get(name) ?? 0) + count);
  return Object.fromEntries(sums);
}

const latest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.max(a, b);

/** One source as two ingesters report it. */
const joined = (a: SourceView, b: SourceView): SourceView => ({
  name: a.name,
  format: a.format.split(', ').includes(b.format) ? a.format : `${a.format}, ${b.format}`,
  lastEventAt: latest(a.lastEventAt, b.lastEventAt),
  feedback: a.feedback + b.feedback,
  ignored: a.ignored + b.ignored,
  deadLetters: summed(a.deadLetters, b.deadLetters),
  events: summed(a.events, b.events),
  unmatched: a.unmatched ?? b.unmatched,
  since: Math.min(a.since, b.since),
});

/** The sources of all ingesters that answered, by name: counts are summed, the last event is the latest. */
export function mergedSources(answers: readonly IngesterAnswer[]): readonly SourceView[] {
  const sources = new Map<string, SourceView>();
  for (const answer of answers) {
    if ('problem' in answer) continue;
    for (const report of answer.report.sources) {
      const known = sources.get(report.name);
      const view = { ...report, since: answer.report.startedAt };
      sources.set(report.name, known === undefined ? view : joined(known, view));
    }
  }
  return [...sources.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What comes in through the ingesters. */
export interface Sources {
  /** Every ingester of the settings; `problem` is null for those that answered. */
  readonly ingesters: readonly { readonly url: string; readonly problem: string | null }[];
  readonly sources: readonly SourceView[];
  /** The newest dead letters of ingestion, the newest first. */
  readonly letters: readonly NewestLetter[];
  /** Why the letters may not be the newest; null where they are. */
  readonly lettersProblem: string | null;
  /** When this was asked, in milliseconds since 1970. */
  readonly at: number;
}

export interface SourcesDeps {
  readonly clock: Clock;
  /** Answers for each ingester, in a time that is bounded. */
  ask(): Promise<readonly IngesterAnswer[]>;
  /** Throws where the log cannot be read, or is not connected yet. */
  letters(): Promise<readonly NewestLetter[]>;
}

/** How long an answer is cached: of the ingesters, and of the letters, which cost a request for each partition. */
const SOURCES_FOR_MS = 2_000;
const LETTERS_FOR_MS = 10_000;
/** The letters are waited for no longer than an ingester. */
const LETTERS_WITHIN_MS = 2_000;

/** Asks for the sources and their newest letters. Kafka that does not answer takes nothing away from what ingesters say. */
export function openSources({ clock, ask, letters: readLetters }: SourcesDeps): () => Promise<Sources> {
  let known: readonly NewestLetter[] = [];
  let problem: string | null = null;
  const read = cachedFor(LETTERS_FOR_MS, clock, async () => {
    try {
      known = await readLetters();
      problem = null;
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
  });
  const letters = async () => {
    const waited = new AbortController();
    const late = clock.sleep(LETTERS_WITHIN_MS, waited.signal).then(() => 'late' as const);
    const outcome = await Promise.race([read(), late]);
    waited.abort();
    return {
      letters: known,
      lettersProblem: outcome === 'late' ? 'Kafka does not answer in time' : problem,
    };
  };
  return cachedFor(SOURCES_FOR_MS, clock, async () => {
    const [answers, newest] = await Promise.all([ask(), letters()]);
    const ingesters = answers.map((each) => ({
      url: each.url,
      problem: 'problem' in each ? each.problem : null,
    }));
    return { ingesters, sources: mergedSources(answers), ...newest, at: clock.now() };
  });
}
