import type { Ends } from '../../src/cli/assemble';
import { EfsError } from '../../src/base/errors';
import { MessageId } from '../../src/base/ids';
import type { Inbox } from '../../src/feedback/source';
import { notWaitingForDeadLetters, storeOf, withoutDraining } from '../support/faults';
import { T0 } from '../support/feedback';
import type { FaultKind } from './faults';
import type { Mutant } from './worker';

/** A build of the service that is deliberately broken in one place, and the fault under which that shows. */
export interface NamedMutant extends Mutant {
  readonly name: string;
  readonly shownBy: readonly (FaultKind | 'any' | 'loss')[];
}

type StoreMethods = Partial<Ends['store']>;
const withStore = (ends: Ends, methods: (store: Ends['store']) => StoreMethods): Ends => ({
  ...ends,
  store: { ...storeOf(ends.store), ...methods(ends.store) },
});

/** Every inbox of the status pipeline, changed. */
const withInbox = (ends: Ends, change: (inbox: Inbox) => Inbox): Ends => {
  const { status } = ends.sources;
  const open: typeof status.open = async (partition, positions) =>
    change(await status.open(partition, positions));
  return { ...ends, sources: { ...ends.sources, status: { ...status, open } } };
};

const ofCommit: readonly NamedMutant[] = [
  {
    name: 'commits that check nothing',
    shownBy: ['freeze', 'rebalance', 'rollback'],
    without: ['epoch', 'sequence', 'positions'],
  },
  {
    name: 'a commit that is refused counts as committed',
    shownBy: ['rollback'],
    ends: (ends) =>
      withStore(ends, (store) => ({
        commit: async (task, what) => {
          const outcome = await store.commit(task, what);
          return outcome === 'rolled-back' ? 'committed' : outcome;
        },
      })),
  },
  {
    name: 'a commit without an answer counts as committed',
    shownBy: ['storm', 'outage'],
    ends: (ends) =>
      withStore(ends, (store) => ({
        commit: (task, what) =>
          store.commit(task, what).catch((error: unknown) => {
            if (error instanceof EfsError) return 'committed';
            throw error;
          }),
      })),
  },
  {
    name: 'a commit passes a record that was not folded',
    shownBy: ['any'],
    ends: (ends) =>
      withInbox(ends, (inbox) => ({
        ...inbox,
        take: async (options) => {
          const batch = await inbox.take(options);
          return batch !== null && batch.records.length > 1
            ? { ...batch, records: batch.records.slice(1) }
            : batch;
        },
      })),
  },
];

const ofOutbox: readonly NamedMutant[] = [
  { name: 'a new owner does not drain the outbox', shownBy: ['kill', 'freeze'], ends: withoutDraining },
  {
    name: 'the next commit does not wait for the outbox',
    shownBy: ['kill'],
    ends: (ends) => ({
      ...ends,
      sink: {
        ...ends.sink,
        emit: async (records) => {
          const emitted = ends.sink.emit(records);
          emitted.catch(() => undefined);
        },
      },
    }),
  },
  {
    name: 'records without an acknowledgement count as acknowledged',
    shownBy: ['storm', 'outage'],
    ends: (ends) => ({
      ...ends,
      fencedSinks: {
        open: async (name) => {
          const sink = await ends.fencedSinks.open(name);
          return {
            ...sink,
            emit: async (records, witness) => {
              const outcome = await sink.emit(records, witness);
              return outcome === 'unacknowledged' ? 'acknowledged' : outcome;
            },
          };
        },
      },
    }),
  },
  {
    name: 'a position passes dead letters that are under way',
    shownBy: ['any'],
    ends: notWaitingForDeadLetters,
  },
];

const ofFence: readonly NamedMutant[] = [
  {
    name: 'sinks that shut nobody out',
    shownBy: ['freeze', 'rebalance', 'kill'],
    sinkLog: (log) => ({ ...log, raiseEpoch: () => 1, epoch: () => 1 }),
  },
  {
    name: 'nobody asks the log what was published',
    shownBy: ['rollback'],
    ends: (ends) => ({ ...ends, committedOffset: async () => null }),
  },
];

let arrivals = 0;

const ofFold: readonly NamedMutant[] = [
  {
    name: 'events are counted, not messages',
    shownBy: ['any'],
    service: (service) => {
      const { status } = service.ends.decoders;
      const decoders: typeof service.ends.decoders = {
        ...service.ends.decoders,
        status: async (records) => {
          const { inputs, rejected } = await status(records);
          return {
            inputs: inputs.map((each) => ({
              ...each,
              messageId: MessageId(`${each.messageId}-${arrivals++}`),
            })),
            rejected,
          };
        },
      };
      return { ...service, ends: { ...service.ends, decoders } };
    },
  },
  {
    name: 'the last to arrive wins',
    shownBy: ['stall'],
    service: (service) => {
      const { status } = service.ends.decoders;
      const decoders: typeof service.ends.decoders = {
        ...service.ends.decoders,
        status: async (records) => {
          const { inputs, rejected } = await status(records);
          return { inputs: inputs.map((each) => ({ ...each, occurredAt: T0 + arrivals++ })), rejected };
        },
      };
      return { ...service, ends: { ...service.ends, decoders } };
    },
  },
  {
    name: 'the contribution of most records stands, whichever they are',
    shownBy: ['rollback'],
    service: (service) => {
      const { kpi } = service.ends.decoders;
      const decoders: typeof service.ends.decoders = {
        ...service.ends.decoders,
        kpi: async (records) => {
          const { inputs, rejected } = await kpi(records);
          return { inputs: inputs.map((each) => ({ ...each, folded: {} })), rejected };
        },
      };
      return { ...service, ends: { ...service.ends, decoders } };
    },
  },
  {
    name: 'a registry that does not answer knows no schema',
    shownBy: ['outage'],
    ends: (ends) => ({
      ...ends,
      registry: { ...ends.registry, schemaById: (id) => ends.registry.schemaById(id).catch(() => null) },
    }),
  },
];

const ofGenerations: readonly NamedMutant[] = [
  {
    name: 'a generation that succeeds another speaks at once',
    shownBy: ['wipe'],
    ends: (ends) =>
      withStore(ends, (store) => ({
        create: (manifest, start) => store.create({ ...manifest, succeeds: false }, start, []),
      })),
  },
  {
    name: 'nobody reads what an earlier generation published',
    shownBy: ['wipe'],
    ends: (ends) => ({ ...ends, reader: { ...ends.reader, read: async () => undefined } }),
  },
];

export const MUTANTS: readonly NamedMutant[] = [
  ...ofCommit,
  ...ofOutbox,
  ...ofFence,
  ...ofFold,
  ...ofGenerations,
];
