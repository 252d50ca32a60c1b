import type { LogRecord } from '../log/source';

/** What a source sent that could not become feedback. */
export interface IngestLetter {
  /** Its position on the topic: `partition/offset`. */
  readonly id: string;
  /** When it was set aside, in milliseconds since 1970. */
  readonly at: number;
  readonly reason: string;
  readonly detail: string;
  readonly source: string;
  readonly format: string;
  /** As it was sent; the beginning where it was too long. */
  readonly value: Buffer;
}

/** The letter that a record of the topic of ingestion's dead letters holds; what another program wrote has empty texts. */
export function ingestLetterOf(record: LogRecord): IngestLetter {
  const headers = new Map(
    record.headers().map(({ name, value }) => [name?.toString('utf8') ?? '', value?.toString('utf8') ?? '']),
  );
  const header = (name: string): string => headers.get(`efs.${name}`) ?? '';
  return {
    id: `${record.partition}/${record.offset}`,
    at: record.timestamp,
    reason: header('reason'),
    detail: header('detail'),
    source: header('source'),
    format: header('format'),
    value: record.value ?? Buffer.alloc(0),
  };
}
