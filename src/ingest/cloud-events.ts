import { field, type Json, list, parseJson } from '../mta/json';

/** The data of a request, and its type; null where the bytes tell. */
export interface Data {
  readonly bytes: Buffer;
  readonly contentType: string | null;
}

const STRUCTURED = /^application\/cloudevents(?:-batch)?\+json\b/iu;
const JSON_TYPE = /[/+]json\b/iu;

/** The data of a CloudEvent: bytes in base64, a text that is the data itself, or JSON. */
function dataOf(event: Json): Data {
  const base64 = field(event, 'data_base64');
  const type = field(event, 'datacontenttype');
  const contentType = typeof type === 'string' ? type : 'application/json';
  if (typeof base64 === 'string') return { bytes: Buffer.from(base64, 'base64'), contentType };
  const data = field(event, 'data') ?? null;
  const isText = typeof data === 'string' && !JSON_TYPE.test(contentType);
  return { bytes: Buffer.from(isText ? data : JSON.stringify(data)), contentType };
}

/**
 * What a request carries: the data of its CloudEvents (version 1.0, HTTP binding) in the structured and the batch form, and
 * the body itself in the binary form and of every other request. A wrapper that is no JSON is its own data.
 */
export function carriedData(body: Buffer, contentType: string | null): readonly Data[] {
  if (contentType === null || !STRUCTURED.test(contentType)) return [{ bytes: body, contentType }];
  try {
    return list(parseJson(body.toString('utf8'))).map(dataOf);
  } catch {
    return [{ bytes: body, contentType: 'application/json' }];
  }
}
