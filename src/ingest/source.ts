import type { Feedback } from '../feedback/feedback';
import type { IndexEntry } from '../feedback/ingest-index';
import type { Reading } from '../mta/event';
import { type Mapped, mapReading, type SourceSettings } from '../mta/feedback';
import type { Format, JsonFormat, MailFormat, ReaderSettings } from '../mta/format';
import { asksIndex, usesIndex } from '../mta/identity';
import type { Json } from '../mta/json';
import { parseMail } from '../mta/mail';
import { indexKeys } from '../mta/native-ids';

/** A source of feedback as it is configured. */
export interface IngestSource {
  /** The user's name for it; the format's name where there is one source only. */
  readonly name: string;
  readonly format: Format;
  readonly settings: SourceSettings;
  readonly reader: ReaderSettings;
}

/** What an event of a source that uses the index of native ids has to do with it. */
export interface Indexing {
  /** What the index may know the event's message by. */
  readonly keys: readonly string[];
  /** When the event occurred. */
  readonly at: number;
  /** The ids that the event itself has: the index is to know them. Null for an event that asks the index. */
  readonly known: IndexEntry | null;
  /** What becomes of an event that asks, by the answer. */
  answered(entry: IndexEntry | null): Mapped;
}

/** One event of a source: what became of it, and its own text or bytes, for a dead letter. */
export interface Taken {
  readonly mapped: Mapped;
  readonly raw: string | Uint8Array;
  /** Only where the source uses the index and the event has a key. */
  readonly indexing?: Indexing;
}

/** What is set aside as it came, since it holds no event that can be read. */
export const notParsable = (raw: string | Uint8Array, detail: string): Taken => ({
  mapped: { outcome: 'dead-letter', reason: 'not-parsable', detail },
  raw,
});

const isUnmatched = (mapped: Mapped): boolean =>
  mapped.outcome === 'dead-letter' && mapped.reason === 'unmatched';

/** What an event has to do with the index; null for one that is no matter of it. */
function indexingOf({ name, settings }: IngestSource, reading: Reading, mapped: Mapped): Indexing | null {
  if (!('meaning' in reading) || reading.occurredAt === null) return null;
  if (mapped.outcome !== 'feedback' && !isUnmatched(mapped)) return null;
  const at = reading.occurredAt;
  const asks = asksIndex(reading, settings.identity);
  const known = asks || mapped.outcome !== 'feedback' ? null : entryOf(mapped.feedback, at);
  if (!asks && known === null) return null;
  const keys = indexKeys(reading, name);
  if (keys.length === 0) return null;
  return { keys, at, known, answered: (entry) => mapReading(reading, settings, entry) };
}

const entryOf = ({ deliveryId, messageId }: Feedback, at: number): IndexEntry => ({
  ...{ deliveryId, messageId, at },
});

/** What became of the readings of one event, as far as it is known without the index. */
export function takenOf(
  source: IngestSource,
  raw: string | Uint8Array,
  readings: readonly Reading[],
): Taken[] {
  const { settings } = source;
  const isIndexed = usesIndex(settings.identity);
  return readings.map((reading) => {
    const mapped = mapReading(reading, settings);
    const indexing = isIndexed ? indexingOf(source, reading, mapped) : null;
    return indexing === null ? { mapped, raw } : { mapped, raw, indexing };
  });
}

/** The outcomes of one value of a JSON format: of each of its events. */
export const takenOfValue = (source: IngestSource, format: JsonFormat, value: Json): Taken[] =>
  format
    .events(value)
    .flatMap((event) => takenOf(source, JSON.stringify(event), format.read(event, source.reader)));

/** The outcomes of one mail. */
export async function takenOfMail(
  source: IngestSource,
  format: MailFormat,
  bytes: Uint8Array,
): Promise<Taken[]> {
  return takenOf(source, bytes, format.read(await parseMail(bytes), source.reader));
}
