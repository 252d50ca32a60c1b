import { keysOf } from './keys';
import {
  type Commit,
  type CommitId,
  type CommitOutcome,
  type GenerationRef,
  type Generations,
  type Manifest,
  type NewTask,
  newTasks,
  refuseOthers,
  type StartPositions,
  type Store,
  type TaskAddress,
  type Write,
} from './store';

/** A whole store at one moment. Only `restore` reads it. */
export interface Snapshot {
  readonly manifest: Manifest | null;
  readonly listed: ReadonlyMap<number, Manifest>;
  readonly tasks: ReadonlyMap<string, Task>;
}

/** How tests and the simulator manipulate a store from outside. */
export interface MemoryControls {
  snapshot(): Snapshot;
  /** Restores everything as it was, epochs included: what a failover or a restored file does to Redis. */
  restore(snapshot: Snapshot): void;
  /** Deletes everything. */
  wipe(): void;
}

/** Checks that a test may leave out, to show what they prevent. */
export type Check = 'epoch' | 'sequence' | 'positions' | 'reads';

interface Task {
  epoch: number;
  committedBy: number;
  sequence: number;
  positions: readonly number[];
  /** The number it is sealed against. */
  sealed: number;
  outbox: Buffer | null;
  hashes: Map<string, Map<string, Entry>>;
}

/** A field with its place in insertion order, by which a scan continues after deletions. */
interface Entry {
  readonly place: number;
  readonly value: Buffer;
}

interface State {
  manifest: Manifest | null;
  listed: Map<number, Manifest>;
  tasks: Map<string, Task>;
  places: number;
  /** The highest epoch that was ever given, over all tasks. */
  epoch: number;
}

const PAGE = 1_000;
const keys = keysOf('memory');

const nameOf = (field: Buffer): string => field.toString('latin1');
const same = (a: readonly number[], b: readonly number[]): boolean => a.join() === b.join();

/**
 * The store without a server: same outcomes, same order of checks. Deterministic, no timers; buffers are copied in
 * and out. `without` leaves checks out, for tests.
 */
export function memoryStore(
  options: { readonly without?: readonly Check[] } = {},
): Store & Generations & MemoryControls {
  const state: State = { manifest: null, listed: new Map(), tasks: new Map(), places: 0, epoch: 0 };
  const taskOf = (address: TaskAddress): Task | undefined => state.tasks.get(keys.task(address));
  const readable = (address: TaskAddress, known: CommitId | undefined): Task | undefined => {
    if (known !== undefined && options.without?.includes('reads') !== true)
      refuseOthers(taskOf(address) ?? null, known);
    return taskOf(address);
  };
  return {
    async claim(address, number) {
      const task = taskOf(address);
      if (!task || task.sealed >= number) return null;
      state.epoch = Math.max(state.epoch, task.epoch) + 1;
      task.epoch = state.epoch;
      return { ...progressOf(task), committedBy: task.committedBy, outbox: copy(task.outbox) };
    },
    load: async (address, reads, known) => values(readable(address, known), reads),
    async loadAt(address, reads) {
      const task = taskOf(address);
      return task ? { positions: task.positions, values: values(task, reads) } : null;
    },
    async count(address, read, hashes) {
      const fields = hashes.map((hash) => taskOf(address)?.hashes.get(hash)?.size ?? 0);
      return { values: values(taskOf(address), [read])[0] ?? [], fields };
    },
    commit: async (address, what) => commit(state, taskOf(address), what, options.without ?? []),
    async inspect(address) {
      const task = taskOf(address);
      return task ? progressOf(task) : null;
    },
    async outboxBytes(address) {
      return taskOf(address)?.outbox?.length ?? 0;
    },
    async scan(address, hash, cursor, known) {
      return page(readable(address, known)?.hashes.get(hash) ?? new Map(), Number(cursor));
    },
    async seal(address, number) {
      const task = taskOf(address);
      if (!task) return null;
      seal(task, number);
      return { positions: task.positions, committedBy: task.committedBy, outbox: copy(task.outbox) };
    },
    async erase(address, hashes) {
      for (const hash of hashes) taskOf(address)?.hashes.delete(hash);
    },
    eraseTask: async (address) => void state.tasks.delete(keys.task(address)),
    ...memoryGenerations(state),
    snapshot: () => ({
      manifest: state.manifest,
      listed: new Map(state.listed),
      tasks: copyTasks(state.tasks),
    }),
    restore(snapshot) {
      state.manifest = snapshot.manifest;
      state.listed = new Map(snapshot.listed);
      state.tasks = copyTasks(snapshot.tasks);
      state.places = Math.max(state.places, lastPlace(snapshot.tasks));
    },
    wipe() {
      state.manifest = null;
      state.listed = new Map();
      state.tasks = new Map();
    },
  };
}

function memoryGenerations(state: State): Generations {
  const isActive = ({ stateId, generation }: GenerationRef): boolean =>
    state.manifest?.stateId === stateId && state.manifest.generation === generation;
  const list = (manifest: Manifest): void =>
    void state.listed.set(manifest.stateId, structuredClone(manifest));
  const initTasks = (manifest: Manifest, start: StartPositions): void => {
    for (const task of newTasks(manifest, start)) initTask(state, task, manifest.generation - 1);
  };
  return {
    active: async () => state.manifest && structuredClone(state.manifest),
    list: async () => structuredClone([...state.listed.values()].sort((a, b) => a.stateId - b.stateId)),
    async deactivate(lost) {
      if (isActive(lost)) state.manifest = null;
    },
    async create(manifest, start) {
      if (state.manifest?.stateId !== manifest.stateId) initTasks(manifest, start);
      if (state.manifest === null) {
        state.manifest = structuredClone(manifest);
        list(manifest);
      }
      return structuredClone(state.manifest);
    },
    async propose(manifest, start) {
      const { stateId } = manifest;
      if (!state.listed.has(stateId)) {
        initTasks(manifest, start);
        list(manifest);
      }
      return structuredClone(state.listed.get(stateId) ?? manifest);
    },
    async replaceActive(from, to) {
      if (
        !isActive(from) ||
        (state.manifest?.contributionsFrom === null) !== (from.contributionsFrom === null)
      )
        return false;
      const listed = state.listed.get(to.stateId);
      if (listed === undefined || listed.dropping) return false;
      state.manifest = structuredClone(to);
      list(to);
      return true;
    },
    async beginDrop(stateId) {
      if (state.manifest?.stateId === stateId) return false;
      const listed = state.listed.get(stateId);
      if (listed !== undefined) list({ ...listed, dropping: true });
      return true;
    },
    async unlist(stateId) {
      if (state.manifest?.stateId === stateId) return false;
      state.listed.delete(stateId);
      return true;
    },
  };
}

function values(
  task: Task | undefined,
  reads: Parameters<Store['load']>[1],
): readonly (readonly (Buffer | null)[])[] {
  return reads.map((read) => {
    const hash = task?.hashes.get(read.hash);
    return Array.from(read.fields, (field) => copy(hash?.get(nameOf(field))?.value));
  });
}

function copy(value: Buffer | null | undefined): Buffer | null {
  return value ? Buffer.from(value) : null;
}

/** Stored buffers are never changed in place, so a copy may share them. */
function copyTasks(tasks: ReadonlyMap<string, Task>): Map<string, Task> {
  const copyHashes = (task: Task): Task['hashes'] =>
    new Map([...task.hashes].map(([name, hash]) => [name, new Map(hash)]));
  return new Map([...tasks].map(([name, task]) => [name, { ...task, hashes: copyHashes(task) }]));
}

function lastPlace(tasks: ReadonlyMap<string, Task>): number {
  let last = 0;
  for (const { hashes } of tasks.values())
    for (const hash of hashes.values()) for (const { place } of hash.values()) last = Math.max(last, place);
  return last;
}

function progressOf(task: Task): { epoch: number; sequence: number; positions: readonly number[] } {
  return { epoch: task.epoch, sequence: task.sequence, positions: [...task.positions] };
}

/** The outcome of a commit that is refused or was written before; null where it is to be written. */
function outcomeWithoutWrite(task: Task, what: Commit, without: readonly Check[]): CommitOutcome | null {
  const checked = (check: Check): boolean => !without.includes(check);
  if (checked('epoch') && task.epoch > what.epoch) return 'fenced';
  if (checked('epoch') && task.epoch < what.epoch) return 'rolled-back';
  if (task.sequence === what.sequence && same(task.positions, what.next)) return 'committed';
  if (checked('sequence') && task.sequence !== what.sequence - 1) return 'rolled-back';
  if (checked('positions') && !same(task.positions, what.expected)) return 'rolled-back';
  return null;
}

function seal(task: Task, number: number): void {
  if (task.sealed >= number) return;
  task.epoch++;
  task.sealed = number;
}

function commit(
  state: State,
  task: Task | undefined,
  what: Commit,
  without: readonly Check[],
): CommitOutcome {
  if (!task) return 'lost';
  const outcome = outcomeWithoutWrite(task, what, without);
  if (outcome) return outcome;
  task.sequence = what.sequence;
  task.positions = [...what.next];
  task.committedBy = what.epoch;
  task.outbox = copy(what.outbox);
  for (const write of what.writes) apply(state, task, write);
  return 'committed';
}

function apply(state: State, task: Task, write: Write): void {
  const hash = task.hashes.get(write.hash) ?? new Map<string, Entry>();
  for (const [field, value] of write.entries) {
    const name = nameOf(field);
    if (value === null) hash.delete(name);
    else hash.set(name, { place: hash.get(name)?.place ?? ++state.places, value: Buffer.from(value) });
  }
  if (hash.size > 0) task.hashes.set(write.hash, hash);
  else task.hashes.delete(write.hash);
}

/** The entries after the place `cursor`, in insertion order. */
function page(
  hash: ReadonlyMap<string, Entry>,
  cursor: number,
): { cursor: string; entries: readonly (readonly [Buffer, Buffer])[] } {
  const entries: [Buffer, Buffer][] = [];
  let last = cursor;
  for (const [name, { place, value }] of hash) {
    if (place <= cursor) continue;
    if (entries.length === PAGE) return { cursor: String(last), entries };
    entries.push([Buffer.from(name, 'latin1'), Buffer.from(value)]);
    last = place;
  }
  return { cursor: '0', entries };
}

/** Creates a task at its start; a claimed task keeps its state. Seals both. */
function initTask(state: State, { address, positions }: NewTask, sealed: number): void {
  const key = keys.task(address);
  const existing = state.tasks.get(key);
  if (existing && existing.epoch > 0) return seal(existing, sealed);
  const { committedBy, outbox, hashes } = existing ?? { committedBy: 0, outbox: null, hashes: new Map() };
  state.tasks.set(key, {
    ...{ committedBy, outbox, hashes },
    ...{ epoch: 0, sequence: 0, positions: [...positions], sealed },
  });
}
