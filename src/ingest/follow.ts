import type { Clock } from '../base/clock';
import { type LogFormat, logReader } from './log-reader';
import type { IngestSource, Taken } from './source';
import { openTail, readCheckpoint, writeCheckpoint } from './tail';

export interface FollowOptions {
  readonly source: IngestSource;
  readonly format: LogFormat;
  readonly path: string;
  /** The file that holds the checkpoint. */
  readonly checkpoint: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Resolves when the events are where they belong: the checkpoint is written after that. */
  write(taken: readonly Taken[]): Promise<void>;
}

/**
 * Follows a log until the signal aborts. A crash between writing and the checkpoint repeats events: they become the same
 * records.
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { source, format, clock, signal, write } = options;
  const tail = await openTail(options.path, await readCheckpoint(options.checkpoint), clock);
  try {
    let reader = logReader(source, format, tail.from);
    const keep = async (): Promise<void> =>
      writeCheckpoint(options.checkpoint, await tail.checkpoint(reader.position()));
    for (let piece = await tail.next(signal); piece !== null; piece = await tail.next(signal)) {
      if (piece.isStart) {
        await write(reader.end());
        // What belongs together, as a Postfix queue id, does so over a rotation.
        reader = logReader(source, format, { offset: 0, saved: reader.position().saved });
        // Before anything of it is written: from now on a rotation does not hide the file from the next start.
        await keep();
      }
      await write(reader.push(piece.bytes));
      await keep();
    }
  } finally {
    await tail.close();
  }
}
