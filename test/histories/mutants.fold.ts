import { MessageId } from '../../src/base/ids';
import type { MessageCache } from '../../src/pipeline/message-cache';
import { TIMER_INDEX_HASH } from '../../src/store/hashes';
import { T0 } from '../support/feedback';
import type { Mutant } from './instance';
import { type NamedMutant, withInbox, withStore } from './mutants';

// Mutants that fold wrongly: what feedback means, and when a message expires.

let arrivals = 0;

type Decoders = Parameters<NonNullable<Mutant['service']>>[0]['deps']['decoders'];

/** A service that misreads every input of a pipeline. */
const misreading =
  <Pipeline extends keyof Decoders>(
    pipeline: Pipeline,
    change: (input: Awaited<ReturnType<Decoders[Pipeline]>>['inputs'][number]) => typeof input,
  ): NonNullable<Mutant['service']> =>
  (service) => {
    const { decoders } = service.deps;
    const misread: Decoders[keyof Decoders] = async (records) => {
      const { inputs, rejected } = await decoders[pipeline](records);
      return { inputs: (inputs as Parameters<typeof change>[0][]).map(change) as never[], rejected };
    };
    return { ...service, deps: { ...service.deps, decoders: { ...decoders, [pipeline]: misread } } };
  };

const ofFold: readonly NamedMutant[] = [
  {
    name: 'events are counted, not messages',
    seed: 1,
    service: misreading('status', (each) => ({
      ...each,
      messageId: MessageId(`${each.messageId}-${arrivals++}`),
    })),
  },
  {
    name: 'the last to arrive wins',
    seed: 1,
    service: misreading('status', (each) => ({ ...each, occurredAt: T0 + arrivals++ })),
  },
  {
    name: 'the contribution with most records wins, whichever they are',
    seed: 2291,
    service: misreading('kpi', (each) => ({ ...each, folded: {} })),
  },
  {
    name: 'an unavailable registry counts as one without the schema',
    seed: 3,
    deps: (deps) => ({
      ...deps,
      registry: { ...deps.registry, schemaById: (id) => deps.registry.schemaById(id).catch(() => null) },
    }),
  },
];

/** A service whose caches of messages are made otherwise. */
const caching =
  (change: (make: () => MessageCache) => () => MessageCache): NonNullable<Mutant['service']> =>
  (service) => ({
    ...service,
    deps: { ...service.deps, messageCache: change(service.deps.messageCache) },
  });

const ofCache: readonly NamedMutant[] = [
  {
    name: 'a message that the cache does not know counts as not stored',
    seed: 4,
    service: caching((make) => () => {
      const messages = make();
      return {
        ...messages,
        of(delivery, isNew) {
          const cached = messages.of(delivery, isNew);
          return { ...cached, get: (...field) => cached.get(...field) ?? null };
        },
      };
    }),
  },
  {
    name: 'every delivery counts as new to the cache',
    seed: 4,
    service: caching((make) => () => {
      const messages = make();
      const seen = new Set<string>();
      return {
        ...messages,
        of(delivery, isNew) {
          const isFirst = !seen.has(delivery);
          seen.add(delivery);
          return messages.of(delivery, isNew || isFirst);
        },
      };
    }),
  },
  {
    name: 'the cache of messages outlives its claim',
    seed: 5,
    service: caching((make) => {
      const messages = make();
      return () => messages;
    }),
  },
];

const ofExpiry: readonly NamedMutant[] = [
  {
    name: 'a message expires before its task has caught up',
    seed: 31,
    deps: (deps) =>
      withInbox(deps, (inbox) => ({
        ...inbox,
        caughtUp: () => {
          inbox.caughtUp();
          return true;
        },
      })),
  },
  {
    name: 'a message expires before its grace is over',
    seed: 74,
    service: (service) => {
      const expiryGraceMs = service.deps.expiryGraceMs === Infinity ? Infinity : 0;
      return { ...service, deps: { ...service.deps, expiryGraceMs } };
    },
  },
  {
    name: 'commits leave out the timers',
    seed: 40,
    deps: (deps) =>
      withStore(deps, (store) => ({
        commit: (task, what) =>
          store.commit(task, {
            ...what,
            writes: what.writes.filter(({ hash }) => hash !== TIMER_INDEX_HASH),
          }),
      })),
  },
  {
    name: 'an inferred expiry counts as much as an observed one',
    seed: 5,
    service: misreading('status', (each) => ('inferred' in each ? { ...each, inferred: false } : each)),
  },
];

export const FOLD_MUTANTS: readonly NamedMutant[] = [...ofFold, ...ofCache, ...ofExpiry];
