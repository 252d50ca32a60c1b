import { type Json, parseJson } from './json';

const FORM = /^(?:multipart\/form-data|application\/x-www-form-urlencoded)\b/iu;
const BOUNDARY = /^--([\w'()+,./:=?-]{1,70})\r?\n/u;
const FORM_TEXT = /^[\w.%-]{1,64}=/u;

/** A body, or a line of one, that is no JSON and no form. Its message says why. */
export class UnreadableBody extends Error {
  /** The line; null for the whole body. */
  readonly line: string | null;

  constructor(message: string, line: string | null = null) {
    super(message);
    this.line = line;
  }
}

/** The content type that the first bytes tell; null for JSON. */
function sniffed(text: string): string | null {
  const boundary = BOUNDARY.exec(text)?.[1];
  if (boundary !== undefined) return `multipart/form-data; boundary="${boundary}"`;
  return FORM_TEXT.test(text) ? 'application/x-www-form-urlencoded' : null;
}

/** The fields of a form as an object of texts; of fields with one name, and of files, the last. */
async function formFields(bytes: Uint8Array, contentType: string): Promise<Json> {
  const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData();
  const fields: [string, string][] = [];
  for (const [name, value] of form)
    fields.push([name, typeof value === 'string' ? value : await value.text()]);
  return Object.fromEntries(fields);
}

/** The values of NDJSON: one a line, or an `UnreadableBody` for a line without a value. */
function* ndjson(text: string): Generator<Json | UnreadableBody> {
  for (const line of text.split('\n')) if (line.trim() !== '') yield parsed(line, line);
}

function parsed(text: string, line: string | null = null): Json | UnreadableBody {
  try {
    return parseJson(text);
  } catch (error) {
    return new UnreadableBody(`not JSON: ${(error as Error).message.slice(0, 200)}`, line);
  }
}

/**
 * The values that the body of a request, or a file, holds: one for JSON, one a line for NDJSON, and the object of its
 * fields for a form. `contentType` is the request's; without it the first bytes decide.
 */
export async function valuesOf(
  bytes: Uint8Array,
  contentType: string | null,
): Promise<readonly (Json | UnreadableBody)[]> {
  const text = new TextDecoder().decode(bytes);
  const form = FORM.test(contentType ?? '') ? contentType : sniffed(text.slice(0, 256));
  if (form !== null) {
    return [await formFields(bytes, form).catch(() => new UnreadableBody('not a form of the stated type'))];
  }
  const whole = parsed(text);
  if (!(whole instanceof UnreadableBody) || !text.trim().includes('\n')) return [whole];
  const lines = [...ndjson(text)];
  // Text that has no line of JSON is one bad body, not a bad body a line.
  return lines.every((line) => line instanceof UnreadableBody) ? [whole] : lines;
}
