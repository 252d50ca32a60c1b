import { systemClock } from '../base/clock';
import { EfsError } from '../base/errors';
import { inputsOf, type NamedInput, takenOfInput } from '../ingest/files';
import { indexedWriter } from '../ingest/indexed-writer';
import { localIndex } from '../ingest/native-index';
import type { IngestSource, Taken } from '../ingest/source';

/** What takes the outcomes of an input; `file` is its name where several were read. */
export type Take = (taken: readonly Taken[], file: string | null) => Promise<void>;

export const STDIN = '-';

function unreadable(name: string, cause: unknown): never {
  throw new EfsError('config-invalid', `${name}: cannot be read (${(cause as Error).message})`, { cause });
}

/** Whether an error is one of the operating system, with a code like ENOENT. */
const isOfSystem = (error: unknown): boolean =>
  error instanceof Error && !(error instanceof EfsError) && 'syscall' in error;

async function* inputsFrom(source: IngestSource, names: readonly string[]): AsyncGenerator<NamedInput> {
  for (const name of names.length === 0 ? [STDIN] : names) {
    if (name === STDIN) yield { name, bytes: process.stdin };
    else yield* await inputsOf(source, name).catch((error: unknown) => unreadable(name, error));
  }
}

/** Reads every input to its end, standard input where none is named. Throws `config-invalid` for one that cannot be read. */
export async function readInputs(
  source: IngestSource,
  names: readonly string[],
  contentType: string | null,
  take: Take,
): Promise<void> {
  for await (const input of inputsFrom(source, names)) {
    const isOne = names.length <= 1 && (input.name === STDIN || input.name === names[0]);
    try {
      for await (const taken of takenOfInput(source, input, contentType))
        await take(taken, isOne ? null : input.name);
    } catch (error) {
      if (!isOfSystem(error)) throw error;
      unreadable(input.name, error);
    }
  }
}

const INDEX_BYTES = 64 * 1024 * 1024;

/** Answers events that ask the index of native ids by what was read before, without a server. */
export function indexedHere(source: IngestSource, take: Take): Take {
  const never = new AbortController().signal;
  const patience = { clock: systemClock, waitMs: 0, startedAt: 0, withinMs: 0, signal: never };
  const write = indexedWriter((_, taken) => Promise.resolve(taken), localIndex(INDEX_BYTES), patience);
  return async (taken, file) => take(await write(source, taken), file);
}
