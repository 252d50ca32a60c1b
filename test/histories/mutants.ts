import type { Servers } from '../../src/app/compose';
import { EfsError } from '../../src/base/errors';
import type { Inbox } from '../../src/log/source';
import { flagEntry, LIVE_AS } from '../../src/pipeline/flags';
import { FLAGS_HASH } from '../../src/store/hashes';
import type { TaskAddress } from '../../src/store/store';
import { notWaitingForDeadLetters, storeOf, withoutDraining } from '../support/faults';
import type { Mutant } from './instance';

/** A mutant: a build of the service with one defect, and the first history that detects it. */
export interface NamedMutant extends Mutant {
  readonly name: string;
  readonly seed: number;
}

type StoreMethods = Partial<Servers['store']>;
export const withStore = (deps: Servers, methods: (store: Servers['store']) => StoreMethods): Servers => ({
  ...deps,
  store: { ...storeOf(deps.store), ...methods(deps.store) },
});

/** Changes every inbox of the status pipeline. */
export const withInbox = (deps: Servers, change: (inbox: Inbox) => Inbox): Servers => {
  const { status } = deps.sources;
  const open: typeof status.open = async (partition, positions, until) =>
    change(await status.open(partition, positions, until));
  return { ...deps, sources: { ...deps.sources, status: { ...status, open } } };
};

/** Drops the first of several records. */
const withoutFirst = (inbox: Inbox): Inbox => ({
  ...inbox,
  take: async (options) => {
    const batch = await inbox.take(options);
    return batch !== null && batch.records.length > 1 ? { ...batch, records: batch.records.slice(1) } : batch;
  },
});

/** Tasks that take themselves for live under any generation number. */
const takenForLive = (deps: Servers, isAffected: (task: TaskAddress) => boolean): Servers =>
  withStore(deps, (store) => ({
    load: async (task, reads, known) => {
      const found = await store.load(task, reads, known);
      return found.map((values, index) => {
        const { hash, fields } = reads[index]!;
        if (hash !== FLAGS_HASH || !isAffected(task)) return values;
        const names = [...fields];
        return values.map((value, at) => (names[at]?.equals(LIVE_AS) ? flagEntry(LIVE_AS, 1e9)[1] : value));
      });
    },
  }));

const ofCommit: readonly NamedMutant[] = [
  {
    name: 'commits that check nothing',
    seed: 4,
    without: ['epoch', 'sequence', 'positions'],
  },
  {
    name: 'reads are of whatever the store holds',
    seed: 2237,
    without: ['reads'],
  },
  {
    name: 'a refused commit counts as committed',
    seed: 70,
    without: ['reads'],
    deps: (deps) =>
      withStore(deps, (store) => ({
        commit: async (task, what) => {
          const outcome = await store.commit(task, what);
          return outcome === 'rolled-back' ? 'committed' : outcome;
        },
      })),
  },
  {
    name: 'an unanswered commit counts as committed',
    without: ['reads'],
    seed: 2237,
    deps: (deps) =>
      withStore(deps, (store) => ({
        commit: (task, what) =>
          store.commit(task, what).catch((error: unknown) => {
            if (error instanceof EfsError) return 'committed';
            throw error;
          }),
      })),
  },
  {
    name: 'a commit passes a record that was not folded',
    seed: 4,
    deps: (deps) => withInbox(deps, withoutFirst),
  },
];

const ofOutbox: readonly NamedMutant[] = [
  { name: 'a new owner does not drain the outbox', seed: 22, deps: withoutDraining },
  {
    name: 'the next commit does not wait for the outbox',
    seed: 47,
    deps: (deps) => ({
      ...deps,
      sink: {
        ...deps.sink,
        emit: async (records) => {
          const emitted = deps.sink.emit(records);
          emitted.catch(() => undefined);
        },
      },
    }),
  },
  {
    name: 'unacknowledged records count as acknowledged',
    seed: 8,
    deps: (deps) => ({
      ...deps,
      transactionalSinks: {
        open: async (name) => {
          const sink = await deps.transactionalSinks.open(name);
          return {
            ...sink,
            emit: async (records, checkpoint) => {
              const outcome = await sink.emit(records, checkpoint);
              return outcome === 'unacknowledged' ? 'acknowledged' : outcome;
            },
          };
        },
      },
    }),
  },
  {
    name: 'a position passes dead letters that are in flight',
    seed: 47,
    deps: notWaitingForDeadLetters,
  },
];

const ofFence: readonly NamedMutant[] = [
  {
    name: 'sinks without fencing',
    seed: 340,
    sinkLog: (log) => ({ ...log, raiseEpoch: () => 1, epoch: () => 1 }),
  },
  {
    name: 'the checkpoint in Kafka is ignored',
    seed: 54,
    deps: (deps) => ({ ...deps, committedOffset: async () => null }),
  },
  {
    name: 'a replay does not end at the checkpoint',
    seed: 12,
    deps: (deps) => {
      const { status } = deps.sources;
      const open: typeof status.open = (partition, positions, until) =>
        status.open(partition, positions, until && (() => until().map(() => Infinity)));
      return { ...deps, sources: { ...deps.sources, status: { ...status, open } } };
    },
  },
];

const ofGenerations: readonly NamedMutant[] = [
  {
    name: 'a generation with a predecessor publishes at once',
    seed: 4,
    deps: (deps) => takenForLive(deps, () => true),
  },
  {
    name: 'the records of earlier generations are not read',
    seed: 1,
    deps: (deps) => ({ ...deps, reader: { ...deps.reader, read: async () => undefined } }),
  },
];

const ofCutOver: readonly NamedMutant[] = [
  {
    name: 'after a cut-over nothing waits for the catch-up',
    seed: 111,
    deps: (deps) => {
      const { status } = deps.sources;
      const watermarks: typeof status.watermarks = async (partition) =>
        (await status.watermarks(partition)).map(({ low }) => ({ low, high: low }));
      return { ...deps, sources: { ...deps.sources, status: { ...status, watermarks } } };
    },
  },
  {
    name: 'kpi tasks are not suppressed at a cut-over',
    seed: 26,
    deps: (deps) => takenForLive(deps, ({ pipeline }) => pipeline === 'kpi'),
  },
  {
    name: 'a rebuild misses a record',
    seed: 4,
    deps: (deps) => {
      const { status } = deps.sources;
      const open: typeof status.open = async (partition, positions, until) => {
        const inbox = await status.open(partition, positions, until);
        // Only a rebuild reads up to an end.
        return until === undefined ? inbox : withoutFirst(inbox);
      };
      return { ...deps, sources: { ...deps.sources, status: { ...status, open } } };
    },
  },
];

export const MUTANTS: readonly NamedMutant[] = [
  ...ofCommit,
  ...ofOutbox,
  ...ofFence,
  ...ofGenerations,
  ...ofCutOver,
];
