import type { Rejected } from '../../src/feedback/decode';
import type { TransactionOutcome, OutgoingRecord } from '../../src/log/sink';
import { type TaskOwnership, processInputs, type BatchDeps } from '../../src/pipeline';
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

/** Something that happens when the test says so. */
function event<T>() {
  let resolve = (_: T): void => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, happens: resolve };
}

/** A task at position 4 whose ends answer when the test lets them; `did` is what has happened so far. */
function given() {
  const did: string[] = [];
  const commits: Commit[] = [];
  const loads = event<readonly (readonly Buffer[])[]>();
  const setsAside = event<void>();
  const commitsAs = event<CommitOutcome>();
  const emits = event<TransactionOutcome>();
  const emittedBefore = event<TransactionOutcome>();
  const then = <T>(what: string, promise: Promise<T>): Promise<T> => {
    did.push(`${what}?`);
    return promise.then((value) => {
      did.push(what);
      return value;
    });
  };
  const deps: BatchDeps<string> = {
    decode: async () => ({ inputs: [], rejected: [] }),
    load: () => then('load', loads.promise),
    setAside: () => then('set aside', setsAside.promise),
    commit: (commit) => {
      commits.push(commit);
      return then('commit', commitsAs.promise);
    },
    emit: () => then('emit', emits.promise),
    project: () => ({ reads: [], project: () => ({ writes: [], outgoing: [OUT] }) }),
  };
  const ownership: TaskOwnership = { epoch: 3, sequence: 8, positions: [4], emitted: emittedBefore.promise };
  const result = processInputs(deps, ownership, { inputs: ['a'], rejected: [REJECTED] }, [6]);
  return { did, commits, loads, setsAside, commitsAs, emits, emittedBefore, ownership, result };
}

describe('a batch', () => {
  it('is committed once all is loaded, dead letters are acknowledged and the outbox before it has left', async () => {
    const { did, commits, ...task } = given();
    task.loads.happens([]);
    await turn();
    expect(did).toEqual(['load?', 'set aside?', 'load']);
    task.setsAside.happens();
    await turn();
    expect(commits).toEqual([]);
    task.emittedBefore.happens('acknowledged');
    await turn();
    expect(did.at(-1)).toBe('commit?');
    expect(commits).toEqual([
      { epoch: 3, sequence: 9, expected: [4], next: [6], writes: [], outbox: packOutbox([OUT]) },
    ]);
  });

  it('is emitted once it is committed, and the next one need not wait for that', async () => {
    const { did, ...task } = given();
    task.loads.happens([]);
    task.setsAside.happens();
    task.emittedBefore.happens('acknowledged');
    await turn();
    expect(did).not.toContain('emit?');
    task.commitsAs.happens('committed');
    const { ownership, outcome, folded } = await task.result;
    expect([outcome, folded, did.at(-1)]).toEqual(['committed', 1, 'emit?']);
    expect(ownership).toMatchObject({ epoch: 3, sequence: 9, positions: [6] });
    task.emits.happens('fenced');
    expect(await ownership.emitted).toBe('fenced');
  });

  it.each(['fenced', 'unacknowledged'] as const)(
    'is not committed where the outbox before it was %s',
    async (how) => {
      const task = given();
      task.loads.happens([]);
      task.setsAside.happens();
      task.emittedBefore.happens(how);
      const { outcome, ownership } = await task.result;
      expect([outcome, ownership, task.commits]).toEqual([how, task.ownership, []]);
    },
  );

  it.each(['fenced', 'rolled-back', 'lost'] as const)('emits nothing where its commit is %s', async (how) => {
    const task = given();
    task.loads.happens([]);
    task.setsAside.happens();
    task.emittedBefore.happens('acknowledged');
    task.commitsAs.happens(how);
    const { outcome, ownership } = await task.result;
    expect([outcome, ownership]).toEqual([how, task.ownership]);
    expect(task.did).not.toContain('emit?');
  });
});
