import type { LineFormat, LineReader, RowFormat, JsonFormat } from '../mta/format';
import { type Json, parseJson } from '../mta/json';
import { type Splitter, splitter, type TextRecord } from './records';
import { rowOf, rowsIn } from './row';
import { type IngestSource, notParsable, takenOf, type Taken, takenOfValue } from './source';

/** What a reader has read of a log: how many bytes, and what it keeps between lines. */
export interface LogPosition {
  readonly offset: number;
  readonly saved: Json;
}

/** Reads a log piece by piece. */
export interface LogReader {
  push(chunk: Buffer): Taken[];
  /** What the log ends with, where its last line has no line end. */
  end(): Taken[];
  /** Where another reader goes on as if it had read everything before. */
  position(): LogPosition;
}

export type LogFormat = LineFormat | RowFormat | JsonFormat;

export const AT_BEGINNING: LogPosition = { offset: 0, saved: null };

/** Reads whole records; `saved` is what it keeps between them. */
interface RecordReader {
  read(text: string): readonly Taken[];
  saved(): Json;
}

function jsonRecords(source: IngestSource, format: JsonFormat): RecordReader {
  return {
    read: (text) => takenOfValue(source, format, parseJson(text)),
    saved: () => null,
  };
}

function lineRecords<Line>(
  source: IngestSource,
  reader: LineReader<Line>,
  lineOf: (text: string) => Line,
): RecordReader {
  return {
    read: (text) => takenOf(source, text, reader.read(lineOf(text))),
    saved: reader.saved,
  };
}

function recordsOf(source: IngestSource, format: LogFormat, saved: Json): RecordReader {
  switch (format.framing) {
    case 'json':
      return jsonRecords(source, format);
    case 'lines':
      return lineRecords(source, format.open(source.reader, saved), (text) => text);
    case 'rows':
      return lineRecords(source, format.open(source.reader, saved), rowOf);
  }
}

function takenOfText(records: RecordReader, text: string): readonly Taken[] {
  if (text.trim() === '') return [];
  try {
    return records.read(text);
  } catch (error) {
    return [notParsable(text, (error as Error).message.slice(0, 200))];
  }
}

/** Opens a reader of a source's log that goes on from a position. */
export function logReader(source: IngestSource, format: LogFormat, from: LogPosition): LogReader {
  const pieces: Splitter = splitter({ isQuoted: format.framing === 'rows' });
  const records = recordsOf(source, format, from.saved);
  let read = from.offset;
  const textsIn = format.framing === 'rows' ? rowsIn : (text: string) => [text];
  const taken = (list: readonly TextRecord[]): Taken[] =>
    list.flatMap(({ text, isCut }) =>
      isCut
        ? [notParsable(text, 'longer than 1 MiB')]
        : textsIn(text).flatMap((each) => takenOfText(records, each)),
    );
  return {
    push(chunk) {
      read += chunk.length;
      return taken(pieces.push(chunk));
    },
    end: () => taken(pieces.end()),
    position: () => ({ offset: read - pieces.held(), saved: records.saved() }),
  };
}
