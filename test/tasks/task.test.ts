import type { TransactionOutcome } from '../../src/log/sink';
import type { Inbox } from '../../src/log/source';
import type { Projected } from '../../src/pipeline';
import { type CommitOutcome, NotOwned } from '../../src/store/store';
import { Interrupted, type Opened, runTask, type Stopping, type Task } from '../../src/tasks/task';

/** What happens in each claim of a task, in order. */
interface Course {
  /** The internal commands of the claim. */
  onClaim?(): AsyncIterable<Projected>;
  afterCommit?(): AsyncIterable<Projected>;
  drain?: TransactionOutcome;
  commits?: CommitOutcome;
}

/** A task of which each claim takes one course; it is stopped when there is none left. Lists what it did. */
function given(courses: readonly Course[]) {
  const did: string[] = [];
  let claims = 0;
  const stopping: Stopping = { requested: false, closeInbox: () => undefined };
  const inbox = (): Inbox => {
    let batches = 0;
    return {
      take: async () => ((batches += 1) > 1 ? null : { records: [], next: [1] }),
      ...{ lag: () => [0], heldBack: () => [0], caughtUp: () => true, close: () => undefined },
    };
  };
  const opened = (course: Course): Opened<never> => ({
    decode: async () => ({ inputs: [], rejected: [] }),
    emitDeadLetters: async () => undefined,
    load: async () => [],
    commit: async ({ writes }) => {
      did.push(writes.length > 0 ? `commit ${writes[0]!.hash}` : 'commit');
      return course.commits ?? 'committed';
    },
    emit: async () => 'acknowledged',
    project: () => ({ reads: [], project: () => ({ writes: [], outgoing: [] }) }),
    drain: async () => course.drain ?? 'acknowledged',
    onClaim: () => course.onClaim?.() ?? nothing(),
    afterCommit: () => course.afterCommit?.() ?? nothing(),
    close: async () => void did.push('close'),
  });
  const task: Task<never> = {
    ...{ pipeline: 'status', partition: 0, batchMax: 1, lingerMs: () => 0, observe: () => undefined },
    source: { open: async () => (did.push('read'), inbox()) },
    open: async () => {
      did.push('open');
      return opened(courses[claims] ?? {});
    },
    claim: async () => {
      claims += 1;
      did.push('claim');
      return { epoch: claims, sequence: 0, positions: [0], committedBy: 0, outbox: null };
    },
    onRolledBack: () => void did.push('rolled back'),
    onProgress: () => void (stopping.requested = claims >= courses.length),
  };
  return { did, run: () => runTask(task, stopping) };
}

async function* nothing(): AsyncGenerator<Projected> {
  // No commands.
}

async function* effects(...hashes: string[]): AsyncGenerator<Projected> {
  for (const hash of hashes) yield { writes: [{ hash, entries: [] }], outgoing: [] };
}

async function* failing(error: Error): AsyncGenerator<Projected> {
  yield* effects('first');
  throw error;
}

describe('the internal commands of a task', () => {
  it('are each committed by themselves, after the claim before anything is read, and after each batch', async () => {
    const course = { onClaim: () => effects('a', 'b'), afterCommit: () => effects('c') };
    const { did, run } = given([course]);
    expect(await run()).toBe('stopped');
    expect(did).toEqual(['open', 'claim', 'commit a', 'commit b', 'read', 'commit', 'commit c', 'close']);
  });

  it.each(['fenced', 'unacknowledged'] as const)(
    'end the task as %s where records that one has published itself are so, and commit nothing after',
    async (outcome) => {
      const { did, run } = given([{ afterCommit: () => failing(new Interrupted(outcome)) }]);
      expect(await run()).toBe(outcome);
      expect(did).toEqual(['open', 'claim', 'read', 'commit', 'commit first', 'close']);
    },
  );

  it.each(['fenced', 'lost'] as const)(
    'end the task as %s where the state is no longer its own',
    async (outcome) => {
      const { did, run } = given([{ onClaim: () => failing(new NotOwned(outcome)) }]);
      expect(await run()).toBe(outcome);
      expect(did).toEqual(['open', 'claim', 'commit first', 'close']);
    },
  );

  it('let the task claim again, with new dependencies, where they find the state rolled back', async () => {
    const { did, run } = given([{ afterCommit: () => failing(new NotOwned('rolled-back')) }, {}]);
    expect(await run()).toBe('stopped');
    expect(did).toEqual([
      ...['open', 'claim', 'read', 'commit', 'commit first', 'rolled back', 'close'],
      ...['open', 'claim', 'read', 'commit', 'close'],
    ]);
  });

  it('are not run where the outbox of the former owner is refused', async () => {
    const { did, run } = given([{ drain: 'fenced', onClaim: () => effects('a') }]);
    expect(await run()).toBe('fenced');
    expect(did).toEqual(['open', 'claim', 'close']);
  });

  it('throw what is neither', async () => {
    const { did, run } = given([{ onClaim: () => failing(new Error('a fault')) }]);
    await expect(run()).rejects.toThrow('a fault');
    expect(did.at(-1)).toBe('close');
  });
});
