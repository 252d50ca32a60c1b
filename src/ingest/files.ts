import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMbox, messagesOf } from '../mta/mbox';
import { takenOfBody } from './body';
import { AT_BEGINNING, type LogFormat, logReader } from './log-reader';
import { type IngestSource, type Taken, takenOfMail } from './source';

/** An input as it was named: a file, or a mail in a maildir. */
export interface NamedInput {
  readonly name: string;
  readonly bytes: AsyncIterable<Buffer>;
}

/** The folders of a maildir that hold whole mails. */
const MAILDIR = ['cur', 'new'];

export const fileInput = (path: string): NamedInput => ({ name: path, bytes: createReadStream(path) });

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory();
}

/** The mails of a maildir, in the order of their names: those begin with the time of arrival. */
async function maildirInputs(path: string): Promise<NamedInput[]> {
  const folders = (await readdir(path, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && MAILDIR.includes(entry.name))
    .map(({ name }) => join(path, name));
  const names = await Promise.all(
    // A folder of mails that is no maildir is read as it is.
    (folders.length === 0 ? [path] : folders).map(async (folder) =>
      (await readdir(folder, { withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => join(folder, entry.name)),
    ),
  );
  return names.flat().sort().map(fileInput);
}

/** The inputs that a path names. Throws where it cannot be read. */
export async function inputsOf(source: IngestSource, path: string): Promise<NamedInput[]> {
  const isMaildir = source.format.framing === 'mail' && (await isFolder(path));
  return isMaildir ? maildirInputs(path) : [fileInput(path)];
}

async function wholeOf(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A first line that opens a JSON value and does not close it: a request's body, written over several lines. */
const WRITTEN_OUT = /^\s{0,8}(?:\[(?![^\n]*\][ \t\r]*\n)[^\n]*|\{[ \t\r]*)\n/u;

/** A log piece by piece; a request's body, which a log of JSON may also be given as, at its end. */
async function* takenOfLogInput(
  source: IngestSource,
  format: LogFormat,
  bytes: AsyncIterable<Buffer>,
  contentType: string | null,
): AsyncGenerator<readonly Taken[]> {
  const log = logReader(source, format, AT_BEGINNING);
  let isFirst = format.framing === 'json';
  let body: Buffer[] | null = null;
  for await (const chunk of bytes) {
    if (isFirst && WRITTEN_OUT.test(chunk.toString('utf8'))) body = [];
    isFirst = false;
    if (body === null) yield log.push(chunk);
    else body.push(chunk);
  }
  yield body === null ? log.end() : await takenOfBody(source, Buffer.concat(body), contentType);
}

/**
 * What became of the events of an input, in their order, in pieces: logs as they are read, anything else whole.
 * `contentType` is that of a webhook's body, where its bytes do not tell.
 */
export async function* takenOfInput(
  source: IngestSource,
  { bytes }: NamedInput,
  contentType: string | null,
): AsyncGenerator<readonly Taken[]> {
  const { format } = source;
  if (format.framing === 'mail') {
    const mail = await wholeOf(bytes);
    for (const message of isMbox(mail) ? messagesOf(mail) : [mail])
      yield takenOfMail(source, format, message);
    return;
  }
  if (format.framing === 'json' && !format.isLog) {
    yield takenOfBody(source, await wholeOf(bytes), contentType);
    return;
  }
  yield* takenOfLogInput(source, format, bytes, contentType);
}
