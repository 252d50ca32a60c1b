import { openExposition } from './exposition';

/** Kinds of events of a source that have a series of their own; what a sender makes up beyond them counts as `other`. */
const KINDS_MAX = 64;
const KIND_LENGTH_MAX = 64;

/** The metrics of `efs ingest serve` and `efs ingest kafka`. */
export type IngestMetrics = ReturnType<typeof createIngestMetrics>;

/** Bounds a label whose values come from outside, in length and, by source, in number. */
export function boundedLabel(): (source: string, value: string) => string {
  const known = new Map<string, Set<string>>();
  return (source, value) => {
    const kind = value.slice(0, KIND_LENGTH_MAX);
    const kinds = known.get(source) ?? new Set();
    known.set(source, kinds);
    if (!kinds.has(kind) && kinds.size >= KINDS_MAX) return 'other';
    kinds.add(kind);
    return kind;
  };
}

/** `held` gives the bytes that are not acknowledged, `indexed` the entries of the index of native ids in memory. */
export function createIngestMetrics(
  info: { readonly version: string; readonly node: string },
  held: () => number,
  indexed: () => number = () => 0,
) {
  const { counter, counted, countedBy, gauge, exposition } = openExposition();
  const events = counter(
    'efs_ingest_events_total',
    'Events acknowledged by Kafka or ignored, by the source’s word for them (dead letters by reason) and outcome: feedback, ignored or dead-letter.',
    ['source', 'kind', 'outcome'],
  );
  const lookups = counter(
    'efs_ingest_index_lookups_total',
    'Events that asked the index of native ids, by result: found or missed.',
    ['source', 'result'],
  );
  const requests = counter('efs_ingest_requests_total', 'Requests answered, by status code.', [
    'source',
    'code',
  ]);
  const last = gauge(
    'efs_ingest_last_event_seconds',
    'When the last event of a source was acknowledged, in seconds since 1970.',
    ['source'],
  );
  const asked = (value: () => number, name: string, help: string): void => {
    const made = gauge(name, help, [], (): void => made.set(value()));
  };
  asked(held, 'efs_ingest_unacknowledged_bytes', 'Bytes of requests that are not acknowledged.');
  asked(indexed, 'efs_ingest_index_entries', 'Entries of the index of native ids in memory.');
  gauge('efs_ingest_build_info', 'Version of this process.', ['version', 'node']).set({ ...info }, 1);
  const bounded = boundedLabel();
  return {
    event: (source: string, kind: string, outcome: string, count: number) =>
      events.inc({ source, kind: bounded(source, kind), outcome }, count),
    unmatched: countedBy(
      'source',
      'efs_ingest_unmatched_total',
      'Events in which no rule found the ids of a message.',
    ),
    lookup: (source: string, result: 'found' | 'missed') => lookups.inc({ source, result }),
    lastEvent: (source: string, now: number) => last.set({ source }, now / 1000),
    answered: (source: string, code: number) => requests.inc({ source, code: String(code) }),
    failed: counted('efs_ingest_failures_total', 'Writes to Kafka that failed.'),
    outage: countedBy('dependency', 'efs_ingest_outages_total', 'Outages of Kafka or the registry.'),
    exposition,
  };
}
