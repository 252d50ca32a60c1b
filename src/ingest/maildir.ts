import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock';
import type { MailFormat } from '../mta/format';
import { type IngestSource, type Taken, takenOfMail } from './source';

export interface MaildirOptions {
  readonly source: IngestSource;
  readonly format: MailFormat;
  readonly path: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Resolves when the events are where they belong: the mail is moved after that. */
  write(taken: readonly Taken[]): Promise<void>;
}

const POLL_MS = 1_000;
/** The flag of a mail that was seen. */
const SEEN = ':2,S';

/**
 * Takes what arrives in a maildir until the signal aborts: each mail of `new` moves to `cur` when its events are written. A
 * crash in between repeats them: they become the same records.
 */
export async function followMaildir(options: MaildirOptions): Promise<void> {
  const { source, format, path, clock, signal, write } = options;
  const [fresh, seen] = [join(path, 'new'), join(path, 'cur')];
  await mkdir(seen, { recursive: true });
  while (!signal.aborted) {
    const names = (await readdir(fresh)).sort();
    for (const name of names) {
      if (signal.aborted) return;
      await write(await takenOfMail(source, format, await readFile(join(fresh, name))));
      await rename(join(fresh, name), join(seen, `${name}${SEEN}`));
    }
    if (names.length === 0) await clock.sleep(POLL_MS, signal);
  }
}
