import type { ParsedMail } from './mail';
import type { Reading } from './event';
import type { Json } from './json';

/** What a reader needs to know that its input does not say. */
export interface ReaderSettings {
  /** Offset of times that name none, like `+02:00`; `Z` by default. */
  readonly zone: string;
  /** The latest year that a date without a year may have; its lines are at most a day younger than this moment. */
  readonly latest: number;
  /** Columns of a CSV file without a header line. */
  readonly columns: readonly string[] | null;
}

/** The customary places of ids in a source, as identity rules. */
export interface CustomaryIdentity {
  readonly deliveryId: readonly string[];
  readonly messageId: readonly string[];
}

interface FormatBase {
  readonly name: string;
  readonly identity: CustomaryIdentity;
}

/** Webhooks and NDJSON: a body is split into events, and each event is read by itself. */
export interface JsonFormat extends FormatBase {
  readonly framing: 'json';
  /** Whether a file holds one event a line (a log), or one request's body (a webhook). */
  readonly isLog: boolean;
  /** The events of a request's body. */
  events(body: Json): readonly Json[];
  /** One event; a reading for each recipient. */
  read(event: Json, settings: ReaderSettings): readonly Reading[];
}

/** A reader of lines or rows that belong together: what it keeps between them is part of a checkpoint. */
export interface LineReader<Line> {
  read(line: Line): readonly Reading[];
  /** A JSON value from which `open` goes on. */
  saved(): Json;
}

/** Logs of lines. */
export interface LineFormat extends FormatBase {
  readonly framing: 'lines';
  /** `saved` is what a former reader saved, or null at the beginning of a log. */
  open(settings: ReaderSettings, saved: Json): LineReader<string>;
}

/** Logs of comma-separated values with quotes (RFC 4180). */
export interface RowFormat extends FormatBase {
  readonly framing: 'rows';
  open(settings: ReaderSettings, saved: Json): LineReader<readonly string[]>;
}

/** Mails. */
export interface MailFormat extends FormatBase {
  readonly framing: 'mail';
  read(mail: ParsedMail, settings: ReaderSettings): readonly Reading[];
}

export type Format = JsonFormat | LineFormat | RowFormat | MailFormat;
