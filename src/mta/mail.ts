import PostalMime from 'postal-mime';

/** A header of a mail: the name in lower case, the value unfolded and decoded. */
export interface MailHeader {
  readonly key: string;
  readonly value: string;
}

/** A part of a mail that is not its text: a delivery status, a feedback report, the returned original. */
export interface MailPart {
  readonly type: string;
  readonly content: string;
}

/** A mail after MIME: what mappers read. */
export interface ParsedMail {
  readonly headers: readonly MailHeader[];
  readonly text: string;
  readonly parts: readonly MailPart[];
  /** The beginning of the body as it came: what broken MIME hides. */
  readonly source: string;
}

/** More of a mail is not looked at: its reports stand at the beginning, what it returns at the end. */
const MAIL_BYTES_MAX = 8 * 1024 * 1024;
const SOURCE_MAX = 256 * 1024;
const TEXT_MAX = 256 * 1024;
const REPORT_MAX = 4 * 1024 * 1024;
/** Of other parts, above all of returned mails, the headers are of interest. */
const PART_MAX = 128 * 1024;
const HEADERS_MAX = 2_000;
const DEPTH_MAX = 32;
const CR = 0x0d;
const LF = 0x0a;

/** UTF-8, or the bytes as they are where it is something else: 8-bit text of unknown charsets stays legible in its ASCII part. */
function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('latin1').decode(bytes);
  }
}

/** With LF as line ends where a mail has none but CR, and without the `From ` line of an mbox. */
function normalized(bytes: Uint8Array): Uint8Array {
  const cut = bytes.subarray(0, MAIL_BYTES_MAX);
  const lines = cut.includes(LF) || !cut.includes(CR) ? cut : cut.map((byte) => (byte === CR ? LF : byte));
  if (!decoded(lines.subarray(0, 5)).startsWith('From ')) return lines;
  return lines.subarray(lines.indexOf(LF) + 1);
}

/** Without the elements of a name, from the first tag to the next closing one. */
function withoutElements(html: string, name: string): string {
  const lower = html.toLowerCase();
  let kept = '';
  let from = 0;
  for (;;) {
    const open = lower.indexOf(`<${name}`, from);
    const close = open < 0 ? -1 : lower.indexOf(`</${name}`, open);
    if (close < 0) return kept + html.slice(from);
    kept += html.slice(from, open);
    from = close;
  }
}

/** The text of an HTML body, in lines as its blocks make them; linear in the length. */
function htmlText(html: string): string {
  return withoutElements(withoutElements(html.slice(0, TEXT_MAX), 'style'), 'script')
    .replace(/\s{1,}/gu, ' ')
    .replace(/<\/?(?:p|div|br|tr|table|h\d|li|ul|blockquote|pre)\b[^<>]{0,2000}>/giu, '\n')
    .replace(/<[^<>]{0,4000}>/gu, '')
    .replace(/&nbsp;|&#160;/giu, ' ')
    .replace(/&lt;/giu, '<')
    .replace(/&gt;/giu, '>')
    .replace(/&quot;|&#34;/giu, '"')
    .replace(/&#39;|&apos;|&rsquo;/giu, "'")
    .replace(/&amp;/giu, '&');
}

const isOfInterest = (type: string): boolean => type.startsWith('message/') || type.startsWith('text/');

function contentOf(type: string, content: ArrayBuffer | Uint8Array | string): string {
  const max = /status|report$/u.test(type) ? REPORT_MAX : PART_MAX;
  const text =
    typeof content === 'string' ? content.slice(0, max) : decoded(new Uint8Array(content).subarray(0, max));
  return text.replace(/\r\n?/gu, '\n');
}

/** A header block at the beginning of `text`: unfolded, names in lower case; ends at the first empty line. */
export function headersIn(text: string): readonly MailHeader[] {
  const headers: { key: string; value: string }[] = [];
  for (const line of text.split('\n', HEADERS_MAX)) {
    if (line.trim() === '') {
      if (headers.length > 0) break;
      continue;
    }
    const found = /^([!-9;-~]{1,100}):[ \t]{0,8}(.{0,4000})/u.exec(line);
    const last = headers.at(-1);
    if (/^[ \t]/u.test(line) && last !== undefined) last.value = `${last.value} ${line.trim()}`.trim();
    else if (found !== null)
      headers.push({ key: (found[1] ?? '').toLowerCase(), value: (found[2] ?? '').trim() });
  }
  return headers.map(({ key, value }) => ({ key, value: withWordsDecoded(value) }));
}

function withWordsDecoded(value: string): string {
  if (!value.includes('=?')) return value;
  try {
    return PostalMime.decodeWords(value);
  } catch {
    return value;
  }
}

/** Where the body begins: behind the first empty line. */
function bodyOf(source: string): string {
  const end = source.indexOf('\n\n');
  return end < 0 ? '' : source.slice(end + 2);
}

/** A mail of one text that needs no decoding but of its charset; null where it is another. */
function plainMail(whole: string, bytes: Uint8Array): ParsedMail | null {
  const headers = headersIn(whole);
  const type = headerOf({ headers }, 'content-type') ?? 'text/plain';
  if (
    !/^text\/plain\b/iu.test(type) ||
    /base64|quoted/iu.test(headerOf({ headers }, 'content-transfer-encoding') ?? '')
  )
    return null;
  const charset = /charset\s{0,4}=\s{0,4}"?([\w.:-]{1,40})/iu.exec(type)?.[1] ?? 'utf-8';
  const source = bodyOf(whole);
  if (/^(?:utf-?8|us-ascii|iso-8859-1)$/iu.test(charset)) return { headers, text: source, parts: [], source };
  try {
    const text = new TextDecoder(charset).decode(bytes.subarray(0, SOURCE_MAX)).replace(/\r\n?/gu, '\n');
    return { headers, text: bodyOf(text), parts: [], source };
  } catch {
    return { headers, text: source, parts: [], source };
  }
}

/** Without the body of the returned message, where it follows the report: its headers are all that is looked at. */
function withoutReturnedBody(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, SOURCE_MAX));
  const report = text.search(/^content-type:\s{0,8}message\/(?:delivery-status|feedback-report)/imu);
  if (report < 0) return bytes;
  const returned = /^content-type:\s{0,8}message\/rfc822/imu.exec(text.slice(report));
  if (returned === null) return bytes;
  const emptyLine = /\n\r?\n/gu;
  emptyLine.lastIndex = report + returned.index;
  if (emptyLine.exec(text) === null) return bytes;
  const end = emptyLine.exec(text);
  return end === null ? bytes : bytes.subarray(0, end.index + end[0].length);
}

/**
 * Parses a mail. Total: what breaks the rules of MIME, or its bounds, gives the headers and the body as they stand.
 * Original messages are kept as parts, never parsed into the text.
 */
export async function parseMail(bytes: Uint8Array): Promise<ParsedMail> {
  const lines = normalized(bytes);
  const whole = decoded(lines.subarray(0, SOURCE_MAX)).replace(/\r\n?/gu, '\n');
  const plain = plainMail(whole, lines);
  if (plain !== null) return plain;
  const source = bodyOf(whole);
  try {
    const mail = await PostalMime.parse(withoutReturnedBody(lines), {
      forceRfc822Attachments: true,
      maxNestingDepth: DEPTH_MAX,
      maxHeadersSize: SOURCE_MAX,
    });
    const text = mail.text ?? (mail.html === undefined ? '' : htmlText(mail.html));
    const parts = mail.attachments
      .filter(({ mimeType }) => isOfInterest(mimeType))
      .map(({ mimeType, content }) => ({ type: mimeType, content: contentOf(mimeType, content) }));
    return {
      headers: mail.headers.map(({ key, value }) => ({ key, value: withWordsDecoded(value) })),
      text: (text.trim() === '' && parts.length === 0 ? source : text)
        .replace(/\r\n?/gu, '\n')
        .slice(0, TEXT_MAX),
      parts,
      source,
    };
  } catch {
    return { headers: headersIn(whole), text: source.slice(0, TEXT_MAX), parts: [], source };
  }
}

/** The value of the first header of that name, or null. */
export const headerOf = (mail: Pick<ParsedMail, 'headers'>, name: string): string | null =>
  mail.headers.find(({ key }) => key === name)?.value ?? null;
