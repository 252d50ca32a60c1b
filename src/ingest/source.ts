import type { Reading } from '../mta/event';
import { type Mapped, mapReading, type SourceSettings } from '../mta/feedback';
import type { Format, JsonFormat, MailFormat, ReaderSettings } from '../mta/format';
import type { Json } from '../mta/json';
import { parseMail } from '../mta/mail';

/** A source of feedback as it is configured. */
export interface IngestSource {
  /** The user's name for it; the format's name where there is one source only. */
  readonly name: string;
  readonly format: Format;
  readonly settings: SourceSettings;
  readonly reader: ReaderSettings;
}

/** One event of a source: what became of it, and its own text or bytes, for a dead letter. */
export interface Taken {
  readonly mapped: Mapped;
  readonly raw: string | Uint8Array;
}

/** What is set aside as it came, since it holds no event that can be read. */
export const notParsable = (raw: string | Uint8Array, detail: string): Taken => ({
  mapped: { outcome: 'dead-letter', reason: 'not-parsable', detail },
  raw,
});

/** What became of the readings of one event. */
export const takenOf = (
  source: IngestSource,
  raw: string | Uint8Array,
  readings: readonly Reading[],
): Taken[] => readings.map((reading) => ({ mapped: mapReading(reading, source.settings), raw }));

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
