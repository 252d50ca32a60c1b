import type { Servers } from '../../src/app/compose';
import { EfsError } from '../../src/base/errors';
import { DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import type { TransactionalSink, OutgoingRecord } from '../../src/log/sink';
import type { Commit, TaskAddress } from '../../src/store/store';
import type { Mortal } from './world';

/** A place where calls wait until they are let through. */
export interface Barrier {
  /** From now on the first call that matches waits. */
  arm(): void;
  /** Whether a call waits. */
  held(): boolean;
  /** Lets the call that waits, and all later ones, through. */
  release(): void;
  pass(): Promise<void>;
}

export function barrier(): Barrier {
  let armed = false;
  let held = false;
  let open = (): void => undefined;
  return {
    arm: () => void (armed = true),
    held: () => held,
    release: () => {
      armed = false;
      open();
    },
    async pass() {
      if (!armed || held) return;
      held = true;
      await new Promise<void>((resolve) => (open = resolve));
      held = false;
    },
  };
}

/** Runs `before` before every commit. */
export function withCommit(
  deps: Servers,
  before: (task: TaskAddress, commit: Commit) => Promise<void>,
): Servers {
  const { store } = deps;
  return {
    ...deps,
    store: {
      ...storeOf(store),
      commit: async (task, commit) => {
        await before(task, commit);
        return store.commit(task, commit);
      },
    },
  };
}

/** A store's methods by name; a spread would not reach through a proxy. */
export function storeOf(store: Servers['store']): Servers['store'] {
  return {
    claim: (task, number) => store.claim(task, number),
    load: (task, reads) => store.load(task, reads),
    commit: (task, commit) => store.commit(task, commit),
    inspect: (task) => store.inspect(task),
    loadAt: (task, reads) => store.loadAt(task, reads),
    seal: (task, number) => store.seal(task, number),
    erase: (task, hashes) => store.erase(task, hashes),
    eraseTask: (task) => store.eraseTask(task),
    list: () => store.list(),
    propose: (manifest, start, seed) => store.propose(manifest, start, seed),
    replaceActive: (from, to) => store.replaceActive(from, to),
    beginDrop: (generation) => store.beginDrop(generation),
    unlist: (generation) => store.unlist(generation),
    outboxBytes: (task) => store.outboxBytes(task),
    scan: (task, hash, cursor) => store.scan(task, hash, cursor),
    active: () => store.active(),
    forget: (generation) => store.forget(generation),
    create: (manifest, start, seed) => store.create(manifest, start, seed),
  };
}

/** An owner that does not emit what the last one left: the outbox is forgotten at each claim. */
export function withoutDraining(deps: Servers): Servers {
  const { store } = deps;
  const claim: Servers['store']['claim'] = async (task, number) => {
    const claimed = await store.claim(task, number);
    return claimed === null ? null : { ...claimed, outbox: null };
  };
  return { ...deps, store: { ...storeOf(store), claim } };
}

/** Kills the worker where it is about to emit records that match: they are committed and never leave. */
export function dyingAtEmit(
  deps: Servers,
  worker: Mortal,
  matches: (records: readonly OutgoingRecord[]) => boolean,
): Servers {
  const guard = async (records: readonly OutgoingRecord[]): Promise<void> => {
    if (!matches(records)) return;
    worker.kill();
    await new Promise(() => undefined);
  };
  return withEmit(deps, guard);
}

/** Runs `before` before everything that is emitted, fenced or not. */
export function withEmit(
  deps: Servers,
  before: (records: readonly OutgoingRecord[]) => Promise<void>,
): Servers {
  const { sink, fencedSinks } = deps;
  const guarded = (fenced: TransactionalSink): TransactionalSink => ({
    emit: async (records, checkpoint) => {
      await before(records);
      return fenced.emit(records, checkpoint);
    },
    close: () => fenced.close(),
  });
  return {
    ...deps,
    sink: {
      emit: async (records) => {
        await before(records);
        return sink.emit(records);
      },
      close: () => sink.close(),
    },
    fencedSinks: { open: async (name) => guarded(await fencedSinks.open(name)) },
  };
}

/** Sinks that go on sending what is under way when they are closed, as a real log's do. */
export function unclosing(deps: Servers): Servers {
  const { fencedSinks } = deps;
  const open: Servers['fencedSinks']['open'] = async (name) => {
    const fenced = await fencedSinks.open(name);
    return { emit: (records, checkpoint) => fenced.emit(records, checkpoint), close: async () => undefined };
  };
  return { ...deps, fencedSinks: { open } };
}

/** Says that dead letters are acknowledged while they are still under way. */
export function notWaitingForDeadLetters(deps: Servers): Servers {
  const { sink } = deps;
  return {
    ...deps,
    sink: {
      emit: async (records) => {
        const acknowledged = sink.emit(records);
        if (!areDeadLetters(records)) await acknowledged;
      },
      close: () => sink.close(),
    },
  };
}

export const areDeadLetters = (records: readonly OutgoingRecord[]): boolean =>
  records.some(({ topic }) => topic === DEAD_LETTER_TOPIC);

/** Fails what is emitted as an outage does, while `isDown`: a fenced sink cannot tell then what became of it. */
export function withSinkOutage(deps: Servers, isDown: () => boolean): Servers {
  const { sink, fencedSinks } = deps;
  const refuse = (): void => {
    if (isDown()) throw new EfsError('kafka-unavailable', 'the log in memory is down');
  };
  return {
    ...deps,
    sink: {
      emit: async (records) => {
        refuse();
        return sink.emit(records);
      },
      close: () => sink.close(),
    },
    fencedSinks: {
      open: async (name) => {
        refuse();
        const fenced = await fencedSinks.open(name);
        return {
          emit: async (records, checkpoint) =>
            isDown() ? 'unacknowledged' : fenced.emit(records, checkpoint),
          close: () => fenced.close(),
        };
      },
    },
  };
}

/** Runs something before and after a generation is made. */
export function withCreate(
  deps: Servers,
  before: () => Promise<void>,
  after: () => void = () => undefined,
): Servers {
  const { store } = deps;
  const create: Servers['store']['create'] = async (manifest, start, seed) => {
    await before();
    const made = await store.create(manifest, start, seed);
    after();
    return made;
  };
  return { ...deps, store: { ...storeOf(store), create } };
}

/** Fails what the store is asked as an outage does, while `isDown`. */
export function withStoreOutage(deps: Servers, isDown: () => boolean): Servers {
  const answer = async <T>(ask: () => Promise<T>): Promise<T> => {
    if (isDown()) throw new EfsError('redis-unavailable', 'the store in memory is down');
    return ask();
  };
  const { store } = deps;
  return {
    ...deps,
    store: {
      ...storeOf(store),
      claim: (task) => answer(() => store.claim(task, 1)),
      load: (task, reads) => answer(() => store.load(task, reads)),
      commit: (task, commit) => answer(() => store.commit(task, commit)),
      scan: (task, hash, cursor) => answer(() => store.scan(task, hash, cursor)),
    },
  };
}
