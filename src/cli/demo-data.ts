import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { EfsError } from '../base/errors';
import type { MemoryLog } from '../log/log.memory';
import { CONTRIBUTIONS_TOPIC, DEAD_LETTER_TOPIC, DELIVERY_KPI_TOPIC, INPUT_TOPICS } from '../feedback/topics';
import type { MemoryState } from '../app/in-memory';

/** The saved state of a demo, as in its file. */
export interface SavedDemo {
  readonly seed: number;
  /** Feedback up to this time has been emitted and is in the state. The name is part of the file's format. */
  readonly toldUntil: number;
  readonly state: MemoryState;
}

const FILE = 'demo.state';
/** Version of the file's format. */
const FORM = 3;

/** The demo saved in the directory, or null. Throws `config-invalid` for an unreadable file, another version or seed. */
export async function readDemo(directory: string, seed: number): Promise<SavedDemo | null> {
  const path = join(directory, FILE);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new EfsError('config-invalid', `--data: cannot read ${path} (${error.code ?? error.message})`);
  });
  if (bytes === null) return null;
  const saved = parse(bytes);
  if (saved?.form !== FORM)
    throw new EfsError(
      'config-invalid',
      `--data: ${path} was not saved by this version; remove it, or name another directory`,
    );
  if (saved.seed !== seed)
    throw new EfsError(
      'config-invalid',
      `--data: ${path} holds the campaigns of seed ${saved.seed}; use --seed ${saved.seed}`,
    );
  return saved;
}

function parse(bytes: Buffer): (SavedDemo & { readonly form: number }) | null {
  try {
    return deserialize(bytes) as SavedDemo & { readonly form: number };
  } catch {
    return null;
  }
}

/** Replaces the saved demo atomically. */
export async function saveDemo(directory: string, demo: SavedDemo): Promise<void> {
  const bytes = serialize({ form: FORM, ...demo });
  await mkdir(directory, { recursive: true });
  const draft = join(directory, `${FILE}.draft`);
  const file = await open(draft, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, join(directory, FILE));
}

/** Records kept in each partition of a topic that is not compacted: far more than any task's lag. */
const RECORDS_KEPT = 20_000;

/** Bounds the log of a demo: retention for inputs and dead letters, compaction for contributions and KPIs. */
export function trimLog(log: MemoryLog): void {
  const partitionsOf = (topic: string): number[] => [...Array(log.partitions(topic) ?? 0).keys()];
  for (const topic of [...INPUT_TOPICS, DEAD_LETTER_TOPIC]) {
    for (const partition of partitionsOf(topic)) {
      const { low, high } = log.watermarks(topic, partition);
      log.raiseLow(topic, partition, Math.max(low, high - RECORDS_KEPT));
    }
  }
  for (const topic of [CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC])
    for (const partition of partitionsOf(topic)) log.compact(topic, partition);
}
