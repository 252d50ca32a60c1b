import { UnreadableBody, valuesOf } from '../mta/body';
import type { JsonFormat } from '../mta/format';
import type { Json } from '../mta/json';
import { AT_BEGINNING, type LogFormat, logReader } from './log-reader';
import { type IngestSource, notParsable, type Taken, takenOf, takenOfMail } from './source';

/** How a large body is read beside others. */
export interface Pace {
  /** Beyond so many events a body is refused with `TooManyEvents`. */
  readonly eventsMax: number;
  /** Called between events: what to wait for before the next one, or null. */
  next(): Promise<void> | null;
}

/** A body holds more events than are taken at once. */
export class TooManyEvents extends Error {}

const UNPACED: Pace = { eventsMax: Infinity, next: () => null };
const CHUNK_BYTES = 64 * 1024;
const DETAIL_MAX = 200;

const reasonOf = (error: unknown): string =>
  `cannot be read as an event (${(error as Error).message.slice(0, DETAIL_MAX)})`;

/** The outcomes of one event. An event that its reader fails at is set aside like any other that cannot be read. */
function takenOfEvent(source: IngestSource, format: JsonFormat, event: Json): Taken[] {
  const raw = JSON.stringify(event);
  try {
    return takenOf(source, raw, format.read(event, source.reader));
  } catch (error) {
    return [notParsable(raw, reasonOf(error))];
  }
}

/** The events of a value of a body, or why it has none. */
function eventsIn(format: JsonFormat, value: Json | UnreadableBody): readonly (Json | UnreadableBody)[] {
  if (value instanceof UnreadableBody) return [value];
  try {
    return format.events(value);
  } catch (error) {
    return [new UnreadableBody(reasonOf(error), JSON.stringify(value))];
  }
}

async function takenOfJson(
  source: IngestSource,
  format: JsonFormat,
  bytes: Buffer,
  { contentType, pace }: { readonly contentType: string | null; readonly pace: Pace },
): Promise<Taken[]> {
  const values = await valuesOf(bytes, contentType);
  const events: (Json | UnreadableBody)[] = [];
  for (const value of values) for (const event of eventsIn(format, value)) events.push(event);
  if (events.length > pace.eventsMax) throw new TooManyEvents();
  const taken: Taken[] = [];
  for (const event of events) {
    if (event instanceof UnreadableBody) taken.push(notParsable(event.line ?? bytes, event.message));
    else taken.push(...takenOfEvent(source, format, event));
    const wait = pace.next();
    if (wait !== null) await wait;
  }
  return taken;
}

async function takenOfLog(
  source: IngestSource,
  format: LogFormat,
  bytes: Buffer,
  pace: Pace,
): Promise<Taken[]> {
  const log = logReader(source, format, AT_BEGINNING);
  const taken: Taken[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    taken.push(...log.push(bytes.subarray(at, at + CHUNK_BYTES)));
    if (taken.length > pace.eventsMax) throw new TooManyEvents();
    const wait = pace.next();
    if (wait !== null) await wait;
  }
  return [...taken, ...log.end()];
}

/**
 * The outcomes of a request's body, or of a file of a webhook format, in the order of the events. A body that cannot be
 * read is one dead letter. `contentType` is the request's, or null where the bytes tell. Throws `TooManyEvents`.
 */
export async function takenOfBody(
  source: IngestSource,
  bytes: Buffer,
  contentType: string | null,
  pace: Pace = UNPACED,
): Promise<Taken[]> {
  const { format } = source;
  if (format.framing === 'json') return takenOfJson(source, format, bytes, { contentType, pace });
  if (format.framing !== 'mail') return takenOfLog(source, format, bytes, pace);
  try {
    return await takenOfMail(source, format, bytes);
  } catch (error) {
    return [notParsable(bytes, reasonOf(error))];
  }
}
