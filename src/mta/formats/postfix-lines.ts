import { type Cause, causeOf } from '../classify';
import { withoutEncodedWords } from '../encoded-words';
import { matchedAt } from '../queued-event';

/** Programs of Postfix that write to the log. */
export const DAEMONS: ReadonlySet<string> = new Set([
  ...['anvil', 'bounce', 'cleanup', 'defer', 'discard', 'dnsblog', 'error', 'flush', 'lmtp', 'local'],
  ...['master', 'nqmgr', 'oqmgr', 'pickup', 'pipe', 'postalias', 'postdrop', 'postfix-script', 'postlogd'],
  ...['postmap', 'postscreen', 'postsuper', 'proxymap', 'qmgr', 'qmqpd', 'relay', 'retry', 'scache'],
  ...['sendmail', 'showq', 'smtp', 'smtpd', 'spawn', 'tlsmgr', 'tlsproxy', 'trace', 'trivial-rewrite'],
  ...['verify', 'virtual'],
]);

/** Short ids are hexadecimal, long ones are written without vowels; `NOQUEUE` and `warning` are none. */
const QUEUE_ID = /^(?=[A-Za-z]{0,40}\d|[\dA-F]{6,40}:|[^AEIOUaeiou]{10,40}:)([\dA-Za-z]{5,40}): /u;

/** The queue id that a text begins with, and what follows it. */
export function queueIdIn(text: string): { readonly queueId: string; readonly rest: string } | null {
  const [whole = '', queueId] = QUEUE_ID.exec(text) ?? [];
  return queueId === undefined ? null : { queueId, rest: text.slice(whole.length) };
}

/** One recipient's line: `to=<…>, relay=…, delay=…, dsn=…, status=… (text)`. */
export interface StatusLine {
  readonly to: string;
  readonly origTo: string | null;
  readonly relay: string | null;
  /** Seconds since the message arrived. */
  readonly delay: number | null;
  readonly dsn: string | null;
  readonly status: string;
  readonly text: string;
}

const ADDRESS = /<((?:"(?:[^"\\]|\\.){0,320}"|[^"<>]){0,998})>/uy;
const VALUE = /[^,\s]{0,512}/uy;
const NAME = /, ([a-z_]{1,20})=/uy;

/** Reads names and values up to `status`; null where the line has another form. */
export function statusLine(text: string): StatusLine | null {
  const values = new Map<string, string>();
  const line = `, ${text}`;
  for (let place = 0; !values.has('status');) {
    const name = matchedAt(NAME, line, place);
    if (name === null) return null;
    place += name[0].length;
    const value = matchedAt(ADDRESS, line, place) ?? matchedAt(VALUE, line, place);
    if (value === null) return null;
    values.set(name[1] ?? '', value[1] ?? value[0]);
    place += value[0].length;
    if (name[1] === 'status') return lineOf(values, line.slice(place).trim());
  }
  return null;
}

function lineOf(values: ReadonlyMap<string, string>, reply: string): StatusLine | null {
  const to = values.get('to');
  if (to === undefined) return null;
  const delay = values.get('delay') ?? '';
  return {
    to,
    origTo: values.get('orig_to') ?? null,
    relay: values.get('relay') ?? null,
    delay: /^\d{1,9}(?:\.\d{1,6})?$/u.test(delay) ? Number(delay) : null,
    dsn: values.get('dsn') ?? null,
    status: values.get('status') ?? '',
    text: reply.replace(/^\((.*)\)$/u, '$1'),
  };
}

/** What Postfix writes before the reply of another server. */
const SAID = / (?:said|refused to talk to me|refused to accept our mail): /u;

/** The cause in a status line: the other server's reply without the name of its host, else Postfix's own text. */
export function causeOfStatus({ text, dsn }: StatusLine): Cause {
  const said = SAID.exec(text);
  return causeOf({
    text: said === null ? text : text.slice(said.index + said[0].length),
    enhancedStatus: dsn,
  });
}

/** The Message-ID of a line of `cleanup`; null where it is empty. Line ends of a folded header are `?` in the log. */
export function messageIdIn(text: string): string | null {
  const written = text.slice('message-id='.length);
  const decoded = withoutEncodedWords(written);
  const id = /<\s*([^<>]{1,998}?)\s*>/u.exec(decoded)?.[1] ?? decoded.trim();
  return id === '' || id === '<>' ? null : id;
}

/** A header that `header_checks` logs: `info: header X-Delivery-ID: DM7 from app[192.0.2.1]; from=<…>`. */
export function headerIn(text: string): readonly [string, string] | null {
  const [, name, rest = ''] = /^(?:info|warning): header ([!-9;-~]{1,76}): ?(.*)$/u.exec(text) ?? [];
  if (name === undefined) return null;
  const from = / from \S{1,300};(?: |$)/u.exec(rest);
  return [name, (from === null ? rest : rest.slice(0, from.index)).trim()];
}
