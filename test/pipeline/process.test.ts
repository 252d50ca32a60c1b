import type { Rejected } from '../../src/feedback/decode';
import type { TransactionOutcome, OutgoingRecord } from '../../src/log/sink';
import { type TaskOwnership, processBatch, type BatchDeps } from '../../src/pipeline';
import { packOutbox } from '../../src/store/outbox';
import type { Commit, CommitOutcome } from '../../src/store/store';
import { turn } from '../support/clock';

const OUT: OutgoingRecord = {
  topic: 'efs.delivery-kpi',
  partition: 0,
  key: Buffer.from('k'),
  value: Buffer.from('v'),
};
const REJECTED = { reason: 'no-value', detail: '' } as unknown as Rejected;

/** An event that the test triggers. */
function event<T>() {
  let resolve = (_: T): void => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, trigger: resolve };
}

/** A task at position 4 whose dependencies complete when the test triggers them; `did` lists calls and completions. */
function given() {
  const did: string[] = [];
  const commits: Commit[] = [];
  const loads = event<readonly (readonly Buffer[])[]>();
  const deadLetters = event<void>();
  const committed = event<CommitOutcome>();
  const emits = event<TransactionOutcome>();
  const previousOutbox = event<TransactionOutcome>();
  const then = <T>(what: string, promise: Promise<T>): Promise<T> => {
    did.push(`${what}?`);
    return promise.then((value) => {
      did.push(what);
      return value;
    });
  };
  const deps: BatchDeps<string> = {
    decode: async () => ({ inputs: ['a'], rejected: [REJECTED] }),
    load: () => then('load', loads.promise),
    emitDeadLetters: () => then('dead letters', deadLetters.promise),
    commit: (commit) => {
      commits.push(commit);
      return then('commit', committed.promise);
    },
    emit: () => then('emit', emits.promise),
    project: () => ({ reads: [], project: () => ({ writes: [], outgoing: [OUT] }) }),
  };
  const ownership: TaskOwnership = { epoch: 3, sequence: 8, positions: [4], emitted: previousOutbox.promise };
  const result = processBatch(deps, ownership, { records: [], next: [6] });
  return { did, commits, loads, deadLetters, committed, emits, previousOutbox, ownership, result };
}

describe('a batch', () => {
  it('is committed once its reads are loaded, its dead letters acknowledged and the previous outbox acknowledged', async () => {
    const { did, commits, ...task } = given();
    task.loads.trigger([]);
    await turn();
    expect(did).toEqual(['load?', 'dead letters?', 'load']);
    task.deadLetters.trigger();
    await turn();
    expect(commits).toEqual([]);
    task.previousOutbox.trigger('acknowledged');
    await turn();
    expect(did.at(-1)).toBe('commit?');
    expect(commits).toEqual([
      { epoch: 3, sequence: 9, expected: [4], next: [6], writes: [], outbox: packOutbox([OUT]) },
    ]);
  });

  it('is emitted after its commit, and is processed before that emit completes', async () => {
    const { did, ...task } = given();
    task.loads.trigger([]);
    task.deadLetters.trigger();
    task.previousOutbox.trigger('acknowledged');
    await turn();
    expect(did).not.toContain('emit?');
    task.committed.trigger('committed');
    const { ownership, outcome, folded } = await task.result;
    expect([outcome, folded, did.at(-1)]).toEqual(['committed', 1, 'emit?']);
    expect(ownership).toMatchObject({ epoch: 3, sequence: 9, positions: [6] });
    task.emits.trigger('fenced');
    expect(await ownership.emitted).toBe('fenced');
  });

  it.each(['fenced', 'unacknowledged'] as const)(
    'is not committed where the previous outbox was %s',
    async (how) => {
      const task = given();
      task.loads.trigger([]);
      task.deadLetters.trigger();
      task.previousOutbox.trigger(how);
      const { outcome, ownership } = await task.result;
      expect([outcome, ownership, task.commits]).toEqual([how, task.ownership, []]);
    },
  );

  it.each(['fenced', 'rolled-back', 'lost'] as const)('emits nothing where its commit is %s', async (how) => {
    const task = given();
    task.loads.trigger([]);
    task.deadLetters.trigger();
    task.previousOutbox.trigger('acknowledged');
    task.committed.trigger(how);
    const { outcome, ownership } = await task.result;
    expect([outcome, ownership]).toEqual([how, task.ownership]);
    expect(task.did).not.toContain('emit?');
  });
});
