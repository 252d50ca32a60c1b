import { RETIRED_HASH } from '../../src/store/hashes';
import type { Commit, TaskAddress } from '../../src/store/store';
import type { memoryStore, Snapshot } from '../../src/store/store.memory';
import { nameOfTask } from './ends';
import type { Expiries } from './expiries';
import type { GenerationBook } from './generations';
import type { Ledger } from './ledger';

type MemoryStore = ReturnType<typeof memoryStore>;

/** What a store is looked at with. */
interface Books {
  readonly ledger: Ledger;
  readonly expiries: Expiries;
  readonly generations: GenerationBook;
  /** The store was changed by none of its clients. What is left of it has forgotten that these are retired. */
  onTampered(forgotten: ReadonlySet<string>): void;
}

/**
 * A store that is looked at in everything it does: no commit of a former owner may take effect, none may pass a record
 * that must be set aside before its dead letter is in the log, and none may expire a message without reason.
 */
export function auditedStore(
  store: MemoryStore,
  { ledger, expiries, generations, onTampered }: Books,
  onViolation: (line: string) => void,
): MemoryStore {
  /** The epoch of the last claim of each task, as long as the store has not been changed from outside. */
  const owners = new Map<string, number>();
  const sequences = new Map<string, number>();

  const auditCommit = (task: TaskAddress, what: Commit): void => {
    const name = nameOfTask(task);
    if (sequences.get(name) === what.sequence) return;
    sequences.set(name, what.sequence);
    const owner = owners.get(name);
    if (owner !== undefined && owner !== what.epoch) {
      onViolation(`a commit of epoch ${what.epoch} of ${name} took effect, which epoch ${owner} has claimed`);
    }
    if (task.pipeline !== 'status') return;
    auditPassed(task, what);
    if (what.outbox !== null && generations.policiesOf(task.stateId).length === 0)
      onViolation(`${name} has something to emit, and is only a candidate`);
    expiries.problemsOf(task, what).forEach(onViolation);
  };
  const auditPassed = ({ partition }: TaskAddress, { expected, next, sequence }: Commit): void =>
    expected.forEach((from, topic) => {
      for (let offset = from; offset < (next[topic] ?? 0); offset += 1) {
        const entry = ledger.entry(topic, partition, offset);
        if (entry === undefined)
          onViolation(`commit ${sequence} passes ${topic}/${partition}/${offset}, which is not there`);
        else if (entry !== null && 'setAside' in entry && !ledger.isSetAside(topic, partition, offset))
          onViolation(
            `commit ${sequence} passes ${topic}/${partition}/${offset} before its dead letter is in the log`,
          );
      }
    });
  const noteActive = async <T>(changed: T): Promise<T> => {
    generations.note(await store.active());
    return changed;
  };
  const tampered = (forgotten: ReadonlySet<string>): void => {
    owners.clear();
    sequences.clear();
    generations.note(store.snapshot().manifest);
    onTampered(forgotten);
  };

  return {
    ...store,
    create: (manifest, start, seed) => store.create(manifest, start, seed).then(noteActive),
    replaceActive: (from, to) => store.replaceActive(from, to).then(noteActive),
    forget: (lost) => store.forget(lost).then(noteActive),
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
      const before = retiredIn(store.snapshot());
      store.restore(snapshot);
      const after = retiredIn(store.snapshot());
      tampered(new Set([...before].filter((id) => !after.has(id))));
    },
    wipe() {
      store.wipe();
      tampered(new Set());
    },
  };
}

/** Deliveries that the active generation knows to be retired. */
function retiredIn({ manifest, tasks }: Snapshot): ReadonlySet<string> {
  return new Set(
    [...tasks].flatMap(([task, { hashes }]) =>
      task.includes(`{${manifest?.stateId}.k`) ? [...(hashes.get(RETIRED_HASH)?.keys() ?? [])] : [],
    ),
  );
}
