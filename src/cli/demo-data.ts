import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { EfsError } from '../base/errors';
import type { MemoryLog } from '../log/log.memory';
import {
  CONTRIBUTIONS_TOPIC,
  DEAD_LETTER_TOPIC,
  DELIVERY_KPI_TOPIC,
  FEEDBACK_TOPICS,
} from '../feedback/topics';
import type { MemoryState } from '../app/in-memory';

/** What a demo keeps of itself. */
export interface Kept {
  readonly seed: number;
  /** What happened in its campaigns until then is in the state. */
  readonly toldUntil: number;
  readonly state: MemoryState;
}

const FILE = 'demo.state';
/** Changes with what is in the file. */
const FORM = 2;

/** What the directory holds; null where nothing has been kept there. Throws `config-invalid` for what is not ours to use. */
export async function readDemo(directory: string, seed: number): Promise<Kept | null> {
  const path = join(directory, FILE);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new EfsError('config-invalid', `--data: cannot read ${path} (${error.code ?? error.message})`);
  });
  if (bytes === null) return null;
  const kept = parse(bytes);
  if (kept?.form !== FORM)
    throw new EfsError(
      'config-invalid',
      `--data: ${path} was not kept by this version; remove it, or name another directory`,
    );
  if (kept.seed !== seed)
    throw new EfsError(
      'config-invalid',
      `--data: ${path} holds the campaigns of seed ${kept.seed}; say --seed ${kept.seed}`,
    );
  return kept;
}

function parse(bytes: Buffer): (Kept & { readonly form: number }) | null {
  try {
    return deserialize(bytes) as Kept & { readonly form: number };
  } catch {
    return null;
  }
}

/** Puts the state in the place of what was kept before: all of it, or nothing. */
export async function keepDemo(directory: string, kept: Kept): Promise<void> {
  const bytes = serialize({ form: FORM, ...kept });
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

/** Records that stay in each partition of what is not compacted: far more than lie before any task. */
const RECORDS_KEPT = 20_000;

/** Keeps the log of a demo from growing: retention for what comes in, compaction for what goes out. */
export function trimLog(log: MemoryLog): void {
  const partitionsOf = (topic: string): number[] => [...Array(log.partitions(topic) ?? 0).keys()];
  for (const topic of [...FEEDBACK_TOPICS.map((input) => input.topic), DEAD_LETTER_TOPIC]) {
    for (const partition of partitionsOf(topic)) {
      const { low, high } = log.watermarks(topic, partition);
      log.raiseLow(topic, partition, Math.max(low, high - RECORDS_KEPT));
    }
  }
  for (const topic of [CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC])
    for (const partition of partitionsOf(topic)) log.compact(topic, partition);
}
