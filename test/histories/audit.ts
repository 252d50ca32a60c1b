import type { Commit, TaskAddress } from '../../src/store/store';
import type { memoryStore } from '../../src/store/store.memory';
import { nameOfTask } from './deps';
import type { Expiries } from './expiries';
import type { GenerationHistory } from './generations';
import type { Ledger } from './ledger';

type MemoryStore = ReturnType<typeof memoryStore>;

/** What the audit of a store checks against. */
interface Auditors {
  readonly ledger: Ledger;
  readonly expiries: Expiries;
  readonly generations: GenerationHistory;
  /** The store was changed from outside of its clients. */
  onOutsideChange(): void;
}

/**
 * A store whose commits are checked: no commit of a former owner may take effect, none may pass a record before its dead
 * letter is in the log, and none may expire a message without reason.
 */
export function auditedStore(
  store: MemoryStore,
  { ledger, expiries, generations, onOutsideChange }: Auditors,
  onViolation: (line: string) => void,
): MemoryStore {
  /** The epoch of the last claim of each task, unless the store was changed from outside since. */
  const owners = new Map<string, number>();
  const sequences = new Map<string, number>();

  const auditCommit = (task: TaskAddress, what: Commit): void => {
    const name = nameOfTask(task);
    if (sequences.get(name) === what.sequence) return;
    sequences.set(name, what.sequence);
    const owner = owners.get(name);
    if (owner !== undefined && owner !== what.epoch) {
      onViolation(
        `a commit of epoch ${what.epoch} of ${name} took effect, and epoch ${owner} has claimed it`,
      );
    }
    if (task.pipeline !== 'status') return;
    auditPassed(task, what);
    if (what.outbox !== null && generations.policiesOf(task.stateId).length === 0)
      onViolation(`${name} has records in its outbox, and belongs to a candidate`);
    expiries.problemsOf(task, what).forEach(onViolation);
  };
  const auditPassed = ({ partition }: TaskAddress, { expected, next, sequence }: Commit): void =>
    expected.forEach((from, topic) => {
      for (let offset = from; offset < (next[topic] ?? 0); offset += 1) {
        const entry = ledger.entry(topic, partition, offset);
        if (entry === undefined)
          onViolation(`commit ${sequence} passes ${topic}/${partition}/${offset}, which is not in the log`);
        else if (
          entry !== null &&
          'deadLettered' in entry &&
          !ledger.isDeadLettered(topic, partition, offset)
        )
          onViolation(
            `commit ${sequence} passes ${topic}/${partition}/${offset} before its dead letter is in the log`,
          );
      }
    });
  const recordActive = async <T>(changed: T): Promise<T> => {
    generations.record(await store.active());
    return changed;
  };
  const changedOutside = (): void => {
    owners.clear();
    sequences.clear();
    generations.record(store.snapshot().manifest);
    onOutsideChange();
  };

  return {
    ...store,
    create: (manifest, start) => store.create(manifest, start).then(recordActive),
    replaceActive: (from, to) => store.replaceActive(from, to).then(recordActive),
    deactivate: (lost) => store.deactivate(lost).then(recordActive),
    async seal(task, number) {
      const before = (await store.inspect(task))?.epoch;
      const sealed = await store.seal(task, number);
      const after = (await store.inspect(task))?.epoch;
      if (after !== undefined && after !== before) owners.set(nameOfTask(task), after);
      return sealed;
    },
    async claim(task, number) {
      const claim = await store.claim(task, number);
      if (claim !== null) owners.set(nameOfTask(task), claim.epoch);
      return claim;
    },
    async commit(task, what) {
      const outcome = await store.commit(task, what);
      if (outcome === 'committed') auditCommit(task, what);
      return outcome;
    },
    restore(snapshot) {
      store.restore(snapshot);
      changedOutside();
    },
    wipe() {
      store.wipe();
      changedOutside();
    },
  };
}
