import type { Servers } from '../../src/app/compose';
import { EfsError } from '../../src/base/errors';
import { DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import type { TransactionalSink, OutgoingRecord } from '../../src/log/sink';
import type { Commit, TaskAddress } from '../../src/store/store';
import type { Killable } from './world';

/** A barrier that holds calls until it is released. */
export interface Barrier {
  /** From now on the first call that matches is held. */
  arm(): void;
  /** Whether a call is held. */
  held(): boolean;
  /** Lets the held call and all later ones pass. */
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
    load: (task, reads, known) => store.load(task, reads, known),
    count: (task, read, hashes) => store.count(task, read, hashes),
    commit: (task, commit) => store.commit(task, commit),
    inspect: (task) => store.inspect(task),
    loadAt: (task, reads) => store.loadAt(task, reads),
    seal: (task, number) => store.seal(task, number),
    erase: (task, hashes) => store.erase(task, hashes),
    eraseTask: (task) => store.eraseTask(task),
    list: () => store.list(),
    propose: (manifest, start) => store.propose(manifest, start),
    replaceActive: (from, to) => store.replaceActive(from, to),
    beginDrop: (generation) => store.beginDrop(generation),
    unlist: (generation) => store.unlist(generation),
    outboxBytes: (task) => store.outboxBytes(task),
    scan: (task, hash, cursor, known) => store.scan(task, hash, cursor, known),
    active: () => store.active(),
    deactivate: (generation) => store.deactivate(generation),
    create: (manifest, start) => store.create(manifest, start),
  };
}

/** An owner that does not emit its predecessor's outbox: each claim drops it. */
export function withoutDraining(deps: Servers): Servers {
  const { store } = deps;
  const claim: Servers['store']['claim'] = async (task, number) => {
    const claimed = await store.claim(task, number);
    return claimed === null ? null : { ...claimed, outbox: null };
  };
  return { ...deps, store: { ...storeOf(store), claim } };
}

/** Kills the worker before it emits records that match: they are committed and never emitted. */
export function killedAtEmit(
  deps: Servers,
  worker: Killable,
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
  const { sink, transactionalSinks } = deps;
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
    transactionalSinks: { open: async (name) => guarded(await transactionalSinks.open(name)) },
  };
}

/** Sinks that, when closed, go on sending what is in flight, as a real log's do. */
export function withUncancelledSends(deps: Servers): Servers {
  const { transactionalSinks } = deps;
  const open: Servers['transactionalSinks']['open'] = async (name) => {
    const fenced = await transactionalSinks.open(name);
    return { emit: (records, checkpoint) => fenced.emit(records, checkpoint), close: async () => undefined };
  };
  return { ...deps, transactionalSinks: { open } };
}

/** Acknowledges dead letters while they are still in flight. */
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

/** Fails every emit like an outage, while `isDown`: a fenced sink does not know whether its records arrived. */
export function withSinkOutage(deps: Servers, isDown: () => boolean): Servers {
  const { sink, transactionalSinks } = deps;
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
    transactionalSinks: {
      open: async (name) => {
        refuse();
        const fenced = await transactionalSinks.open(name);
        return {
          emit: async (records, checkpoint) =>
            isDown() ? 'unacknowledged' : fenced.emit(records, checkpoint),
          close: () => fenced.close(),
        };
      },
    },
  };
}

/** Runs something before and after a generation is created. */
export function withCreate(
  deps: Servers,
  before: () => Promise<void>,
  after: () => void = () => undefined,
): Servers {
  const { store } = deps;
  const create: Servers['store']['create'] = async (manifest, start) => {
    await before();
    const made = await store.create(manifest, start);
    after();
    return made;
  };
  return { ...deps, store: { ...storeOf(store), create } };
}

/** Fails the store's calls like an outage, while `isDown`. */
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
      load: (task, reads, known) => answer(() => store.load(task, reads, known)),
      commit: (task, commit) => answer(() => store.commit(task, commit)),
      scan: (task, hash, cursor, known) => answer(() => store.scan(task, hash, cursor, known)),
    },
  };
}
