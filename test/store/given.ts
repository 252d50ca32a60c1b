import { randomBytes } from 'node:crypto';
import {
  type Claim,
  type Commit,
  type CommitId,
  type CommitOutcome,
  type Generations,
  type Manifest,
  NotOwned,
  type Store,
  type TaskAddress,
  type Write,
} from '../../src/store/store';

/** A store under test, with the means to damage it from outside. */
export interface Subject {
  /** Stores of one namespace share its state. */
  store(namespace: string): Store & Generations;
  /** Copies the namespace; the returned function restores it. */
  snapshot(namespace: string): Promise<() => Promise<void>>;
  wipe(namespace: string): Promise<void>;
}

export const task: TaskAddress = { stateId: 1, pipeline: 'status', partition: 0 };
export const kpiTask: TaskAddress = { ...task, pipeline: 'kpi' };
export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

export const manifestOf = (stateId: number): Manifest => ({
  stateId,
  partitions: 2,
  defaultPolicy: 'EFS',
  domainGroups: 'google=gmail.com',
  buckets: 1,
  generation: stateId,
  predecessor: null,
  contributionsFrom: [5, 6],
});

export const start = {
  status: [
    [0, 0],
    [10, 10],
  ],
  kpi: [[0], [5]],
};

/** The owner's next commit after its claim; `change` makes it a wrong one. */
export function commitOf(claim: Claim, change: Partial<Commit> = {}): Commit {
  return {
    epoch: claim.epoch,
    sequence: claim.sequence + 1,
    expected: claim.positions,
    next: claim.positions.map((position) => position + 1),
    writes: [],
    outbox: null,
    ...change,
  };
}

export const write = (hash: string, entries: Record<string, string | null>): Write => ({
  hash,
  entries: Object.entries(entries).map(([field, value]) => [
    bytes(field),
    value === null ? null : bytes(value),
  ]),
});

let namespaces = 0;
/** A namespace that no process has used before. */
export const newNamespace = (): string => `test-${randomBytes(4).toString('hex')}-${namespaces++}`;

/** Creates a generation and claims its first task. */
export async function claimed(store: Store & Generations): Promise<Claim> {
  await store.create(manifestOf(1), start);
  return (await store.claim(task, 1)) as Claim;
}

/** One field as text; null where absent. */
export async function read(store: Store, hash: string, field: string, of = task): Promise<string | null> {
  const [values] = await store.load(of, [{ hash, fields: [bytes(field)] }]);
  return values?.[0]?.toString('latin1') ?? null;
}

/** All entries of a hash, page by page, as text. */
export async function readAll(store: Store, hash: string, of = task): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  let cursor = '0';
  do {
    const page = await store.scan(of, hash, cursor);
    for (const [field, value] of page.entries) all.set(field.toString('latin1'), value.toString('latin1'));
    cursor = page.cursor;
  } while (cursor !== '0');
  return all;
}

/** Field `a` of hash `c` as an owner reads it, or why the task is not its own. */
export const ownRead = (store: Store, known: CommitId): Promise<string | null> =>
  unlessNotOwned(async () => {
    const [values] = await store.load(task, [{ hash: 'c', fields: [bytes('a')] }], known);
    return values?.[0]?.toString('latin1') ?? null;
  });

/** The first page of hash `c` as an owner scans it, or why the task is not its own. */
export const ownScan = (store: Store, known: CommitId): Promise<Record<string, string> | string> =>
  unlessNotOwned(async () => {
    const { entries } = await store.scan(task, 'c', '0', known);
    return Object.fromEntries(entries.map((each) => each.map((part) => part.toString('latin1'))));
  });

async function unlessNotOwned<T>(act: () => Promise<T>): Promise<T | CommitOutcome> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof NotOwned) return error.outcome;
    throw error;
  }
}

/** Repeats `act` until a server answers. */
export async function untilAnswers<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      expect(error).toMatchObject({ code: 'redis-unavailable' });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
