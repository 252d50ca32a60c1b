import { UnreadableBody, valuesOf } from '../mta/body';
import { AT_BEGINNING, logReader } from './log-reader';
import { type IngestSource, type Taken, takenOfMail, takenOfValue } from './source';

/**
 * The outcomes of a request's body, or of a file of a webhook format, in the order of the events. A body that cannot be
 * read is one dead letter. `contentType` is the request's, or null where the bytes tell.
 */
export async function takenOfBody(
  source: IngestSource,
  bytes: Buffer,
  contentType: string | null,
): Promise<Taken[]> {
  const { format } = source;
  if (format.framing === 'mail') return takenOfMail(source, format, bytes);
  if (format.framing !== 'json') {
    const log = logReader(source, format, AT_BEGINNING);
    return [...log.push(bytes), ...log.end()];
  }
  const values = await valuesOf(bytes, contentType);
  return values.flatMap((value) =>
    value instanceof UnreadableBody
      ? [{ mapped: { outcome: 'dead-letter', reason: 'not-parsable', detail: value.message }, raw: bytes }]
      : takenOfValue(source, format, value),
  );
}
