import { hash } from 'node:crypto';
import { type Cause, categoriesOf, causeOf } from '../classify';
import { type Meaning, mtaEvent, type Reading, unknownEvent } from '../event';
import { expiryCause } from '../expiry';
import type { LineReader, ReaderSettings, RowFormat } from '../format';
import type { Json } from '../json';
import { firstTime } from '../time';

/** The columns of an accounting file of which nothing was configured (PowerMTA 4.5 to 5.5). */
export const DEFAULT_COLUMNS: readonly string[] = [
  ...['type', 'timeLogged', 'timeQueued', 'orig', 'rcpt', 'orcpt', 'dsnAction', 'dsnStatus', 'dsnDiag'],
  ...['dsnMta', 'bounceCat', 'srcType', 'srcMta', 'dlvType', 'dlvSourceIp', 'dlvDestinationIp'],
  ...['dlvEsmtpAvailable', 'dlvSize', 'vmta', 'jobId', 'envId', 'queue', 'vmtaPool'],
];
/** Older versions write the defaults up to `envId`. */
const DEFAULT_COLUMNS_MIN = 21;

const HEADERS_MAX = 16;
const COLUMNS_MAX = 512;
const HEADER_PREFIX = 'header_';

/** Record types; the configuration takes their long names as well. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ...['r', 'receipt', 'received'].map((word) => [word, 'r'] as const),
  ...['d', 'delivery', 'delivered'].map((word) => [word, 'd'] as const),
  ...['t', 'transient'].map((word) => [word, 't'] as const),
  ...['tq', 'transient-queue'].map((word) => [word, 'tq'] as const),
  ...['b', 'bounce', 'bounced'].map((word) => [word, 'b'] as const),
  ...['rb', 'remote-bounce'].map((word) => [word, 'rb'] as const),
  ...['rs', 'remote-status'].map((word) => [word, 'rs'] as const),
  ...['f', 'feedback-loop'].map((word) => [word, 'f'] as const),
]);

const EXPIRED = 'message-expired';
/** `other` and an empty category have no row: the reply decides. */
const BOUNCE_CATEGORIES = categoriesOf({
  'bad-mailbox': 10,
  'inactive-mailbox': 10,
  'bad-domain': 21,
  'quota-issues': 22,
  'no-answer-from-host': 20,
  'bad-connection': 20,
  'routing-errors': 21,
  'policy-related': 50,
  'bad-configuration': 50,
  'invalid-sender': 50,
  'spam-related': 51,
  'content-related': 52,
  'virus-related': 53,
  'relaying-issues': 54,
  'protocol-errors': 40,
});

/** A row's cells by their columns' names in lower case. */
class Row {
  readonly #columns: readonly string[];
  readonly #cells = new Map<string, string>();

  constructor(columns: readonly string[], cells: readonly string[]) {
    this.#columns = columns;
    for (let place = 0; place < columns.length; place++)
      this.#cells.set((columns[place] ?? '').toLowerCase(), cells[place] ?? '');
  }

  /** Null for an empty cell, and for a column that the file does not have. */
  cell(column: string): string | null {
    const text = this.#cells.get(column.toLowerCase())?.trim() ?? '';
    return text === '' ? null : text;
  }

  /** The row as the source names it. */
  fields(): Json {
    return Object.fromEntries(
      this.#columns.map((column) => [column, this.#cells.get(column.toLowerCase()) ?? '']),
    );
  }

  /** The message's headers that `record-fields` names. */
  headers(): ReadonlyMap<string, string> {
    const found = [...this.#cells].filter(
      ([column, text]) => column.startsWith(HEADER_PREFIX) && text !== '',
    );
    return new Map(found.map(([column, text]) => [column.slice(HEADER_PREFIX.length), text]));
  }
}

/** What the type means; null for a known type that is no feedback. */
function meaningOf(type: string, row: Row): Meaning | null {
  switch (type) {
    case 'r':
      return 'accepted';
    case 'd':
      return 'delivered';
    case 't':
      return 'deferred';
    case 'b':
      return row.cell('bounceCat')?.toLowerCase() === EXPIRED ? 'expired' : 'refused';
    case 'rb':
      return 'bounced';
    case 'rs':
      return row.cell('dsnAction')?.toLowerCase() === 'delayed' ? 'deferred' : null;
    case 'f':
      return 'complained';
    default:
      return null;
  }
}

function causeIn(row: Row, meaning: Meaning): Cause | null {
  switch (meaning) {
    case 'accepted':
    case 'delivered':
    case 'complained':
      return null;
    case 'expired':
      return expiryCause(row.cell('dsnDiag'));
    default:
      return causeOf({
        category: row.cell('bounceCat'),
        categories: BOUNCE_CATEGORIES,
        text: row.cell('dsnDiag'),
        enhancedStatus: row.cell('dsnStatus'),
      });
  }
}

/** Rows about a mail that came back: its time of queueing is not that of the message. */
const COMES_BACK: ReadonlySet<string> = new Set(['rb', 'rs', 'f']);

/**
 * PowerMTA has no id of a message in its columns. Sender, recipient and the time of queueing are the same in all rows of a
 * message but those about a mail that came back.
 */
function nativeIdOf(row: Row, type: string): string | null {
  const parts = [row.cell('orig'), row.cell('rcpt'), row.cell('timeQueued')];
  if (COMES_BACK.has(type) || parts.includes(null)) return null;
  return hash('sha256', parts.join('\n'), 'base64url');
}

function readRow(row: Row, { zone }: ReaderSettings): Reading {
  const written = row.cell('type') ?? '';
  const type = TYPES.get(written.toLowerCase());
  if (type === undefined) return unknownEvent(written);
  const meaning = meaningOf(type, row);
  if (meaning === null) return { ignored: type };
  const queuedAt = firstTime(zone, row.cell('timeQueued'));
  const loggedAt = firstTime(zone, row.cell('timeLogged'));
  return mtaEvent({
    event: type,
    meaning,
    fields: row.fields(),
    nativeId: nativeIdOf(row, type),
    recipient: row.cell('originalRcptTo') ?? row.cell('rcpt'),
    occurredAt: meaning === 'accepted' ? (queuedAt ?? loggedAt) : (loggedAt ?? queuedAt),
    relayedAt: COMES_BACK.has(type) ? null : queuedAt,
    cause: causeIn(row, meaning),
    envelope: [row.cell('originalMailFrom'), row.cell('orig')].filter((each) => each !== null),
    messageIdHeader: row.cell(`${HEADER_PREFIX}Message-ID`),
    headers: row.headers(),
    feedbackType: type === 'f' ? row.cell('feedbackType') : null,
  });
}

const namesOf = (row: readonly string[]): string[] =>
  row.slice(0, COLUMNS_MAX).map((cell) => cell.replace(/^[\uFEFF#\s]+/u, '').trim());

const isHeader = (row: readonly string[]): boolean => namesOf(row.slice(0, 1))[0]?.toLowerCase() === 'type';

/** Headers that a former reader saved, the latest last. */
const headersOf = (saved: Json): string[][] =>
  (Array.isArray(saved) ? (saved as readonly Json[]) : [])
    .filter((each): each is string[] => Array.isArray(each) && each.every((name) => typeof name === 'string'))
    .slice(-HEADERS_MAX)
    .map((each) => [...each]);

/**
 * The columns of a row: of the latest header with as many, since each section of a file may have a header of its own.
 * Before any header line those that are configured, else the defaults.
 */
function columnsOf(
  row: readonly string[],
  headers: readonly (readonly string[])[],
  configured: readonly string[] | null,
): readonly string[] | null {
  const known = headers.length > 0 || configured === null ? headers : [configured];
  const fitting = known.findLast((columns) => columns.length === row.length);
  if (fitting !== undefined || known.length > 0) return fitting ?? null;
  return row.length >= DEFAULT_COLUMNS_MIN && row.length <= DEFAULT_COLUMNS.length
    ? DEFAULT_COLUMNS.slice(0, row.length)
    : null;
}

function open(settings: ReaderSettings, saved: Json): LineReader<readonly string[]> {
  let headers = headersOf(saved);
  return {
    read(row) {
      if (row.every((cell) => cell.trim() === '')) return [];
      if (isHeader(row)) {
        const names = namesOf(row);
        const others = headers.filter((each) => each.length !== names.length);
        headers = [...others, names].slice(-HEADERS_MAX);
        return [];
      }
      const columns = columnsOf(row, headers, settings.columns);
      if (columns === null)
        return [{ rejected: 'not-parsable', detail: `no header has the row's ${row.length} columns` }];
      return [readRow(new Row(columns, row), settings)];
    },
    saved: () => headers,
  };
}

/** Accounting files of PowerMTA: CSV with a header line in each file, or each section of one. */
export const powermta: RowFormat = {
  name: 'powermta',
  framing: 'rows',
  identity: {
    deliveryId: ['header_X-Delivery-ID', 'jobId'],
    messageId: ['header_X-Message-ID', 'envId'],
  },
  open,
};
