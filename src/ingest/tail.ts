import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../base/clock';
import type { LogPosition } from './log-reader';

/** A position in a file that a rename does not change: which file it is, and how far it was read. */
export interface Checkpoint extends LogPosition {
  /** Device and inode. */
  readonly file: string;
  /** SHA-256 of the file's first bytes, and how many these are: an inode is used again. */
  readonly head: { readonly bytes: number; readonly sha256: string };
}

const HEAD_BYTES = 1_024;
const CHUNK_BYTES = 256 * 1024;
const NOTHING = Buffer.alloc(0);
/** How often a file is looked at that has nothing new. */
const POLL_MS = 250;
/** A renamed file is left when it has been silent for so long: until it is told to, its writer goes on writing to it. */
const LEFT_AFTER_MS = 5_000;

/** A piece of a log, and the position behind it. */
export interface Piece {
  readonly bytes: Buffer;
  /** Whether this piece begins another file, or the same one after it was truncated: nothing of the former belongs to it. */
  readonly isStart: boolean;
}

/** An open file. */
interface OpenFile {
  readonly handle: FileHandle;
  readonly file: string;
  offset: number;
}

/** A log that is followed over rotation by rename and by truncation. */
export interface Tail {
  /** The next piece; null when the signal aborts. Waits for a file that is not there yet. */
  next(signal: AbortSignal): Promise<Piece | null>;
  /** The checkpoint of a position in the file that the last piece came from. */
  checkpoint(position: LogPosition): Promise<Checkpoint>;
  /** The position that the reader of the log begins at. */
  readonly from: LogPosition;
  close(): Promise<void>;
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

const orNull = async <T>(work: Promise<T>): Promise<T | null> =>
  work.catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });

async function headOf(handle: FileHandle, bytes: number): Promise<Checkpoint['head']> {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await handle.read(buffer, 0, bytes, 0);
  const sha256 = createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex');
  return { bytes: bytesRead, sha256 };
}

async function openAt(path: string, offset: number): Promise<OpenFile | null> {
  const handle = await orNull(open(path, 'r'));
  if (handle === null) return null;
  const { dev, ino } = await handle.stat();
  return { handle, file: `${dev}/${ino}`, offset };
}

async function isFileOf(checkpoint: Checkpoint, candidate: OpenFile): Promise<boolean> {
  if (candidate.file !== checkpoint.file) return false;
  const { size } = await candidate.handle.stat();
  if (size < checkpoint.offset) return false;
  const { sha256 } = await headOf(candidate.handle, checkpoint.head.bytes);
  return sha256 === checkpoint.head.sha256;
}

/** The file that a checkpoint is of: under the log's own name, or renamed beside it. Null where it is gone. */
async function fileOf(checkpoint: Checkpoint, path: string): Promise<OpenFile | null> {
  const folder = dirname(path);
  const beside = (await orNull(readdir(folder))) ?? [];
  for (const candidate of [path, ...beside.map((name) => join(folder, name))]) {
    const found = await openAt(candidate, checkpoint.offset).catch(() => null);
    if (found === null) continue;
    if (await isFileOf(checkpoint, found)) return found;
    await found.handle.close();
  }
  return null;
}

/** Reads the checkpoint of a file; null where there is none. Throws where it cannot be understood. */
export async function readCheckpoint(path: string): Promise<Checkpoint | null> {
  const text = await orNull(readFile(path, 'utf8'));
  return text === null ? null : (JSON.parse(text) as Checkpoint);
}

/** Writes a checkpoint so that a crash leaves the former one or this one. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(checkpoint)}\n`);
  await rename(`${path}.new`, path);
}

/** Opens a log from its checkpoint, or from its beginning where there is none, or where its file is gone. */
export async function openTail(path: string, checkpoint: Checkpoint | null, clock: Clock): Promise<Tail> {
  const known = checkpoint === null ? null : await fileOf(checkpoint, path);
  let current = known;
  let isStart = known === null;
  let heardAt = clock.monotonic();

  /** Whether the log's name belongs to another file now, or its file has become shorter. */
  const successor = async (from: OpenFile): Promise<'none' | 'renamed' | 'truncated'> => {
    const named = await orNull(stat(path));
    if (named === null) return 'none';
    if (`${named.dev}/${named.ino}` !== from.file) return 'renamed';
    return named.size < from.offset ? 'truncated' : 'none';
  };
  const read = async (from: OpenFile): Promise<Buffer> => {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await from.handle.read(buffer, 0, CHUNK_BYTES, from.offset);
    from.offset += bytesRead;
    return buffer.subarray(0, bytesRead);
  };
  /** Changes to the file that the log's name belongs to. */
  const reopen = async (): Promise<void> => {
    await current?.handle.close();
    current = await openAt(path, 0);
    isStart = true;
  };

  return {
    from: { offset: known?.offset ?? 0, saved: checkpoint?.saved ?? null },
    async next(signal) {
      while (!signal.aborted) {
        if (current === null) await reopen();
        if (current !== null) {
          const change = await successor(current);
          const bytes = change === 'truncated' ? NOTHING : await read(current);
          if (bytes.length > 0) {
            const piece = { bytes, isStart };
            isStart = false;
            heardAt = clock.monotonic();
            return piece;
          }
          const isLeft = change === 'renamed' && clock.monotonic() - heardAt >= LEFT_AFTER_MS;
          if (change === 'truncated' || isLeft) await reopen();
        }
        await clock.sleep(POLL_MS, signal);
      }
      return null;
    },
    async checkpoint(position) {
      if (current === null) throw new Error('no file is open');
      const head = await headOf(current.handle, Math.min(HEAD_BYTES, position.offset));
      return { ...position, file: current.file, head };
    },
    close: async () => current?.handle.close(),
  };
}
