import type { Servers } from '../../src/app/compose';
import { RETIRED_TOPIC } from '../../src/feedback/topics';
import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, wireType } from '../../src/kpi/encode';
import type { TopicReader } from '../../src/log/source';
import { CONTRIBUTIONS_HASH } from '../../src/store/hashes';
import type { Write } from '../../src/store/store';
import { IDS } from './decoder-pool';
import { headerOf } from './ledger';
import { type NamedMutant, withStore } from './mutants';

const contribution = wireType<Contribution>(SCHEMAS.Contribution, IDS.Contribution);

/** Changes how the topic of retired deliveries is read. */
const withRetired = (deps: Servers, read: TopicReader['read']): Servers => ({
  ...deps,
  reader: {
    ...deps.reader,
    read: (topic, ...rest) => (topic === RETIRED_TOPIC ? read : deps.reader.read)(topic, ...rest),
  },
});

/** Changes the contributions that are committed to the state of a status task. */
const withShares = (deps: Servers, change: (share: Contribution) => Contribution): Servers =>
  withStore(deps, (store) => ({
    commit: (task, what) => {
      const changed = (write: Write): Write => ({
        ...write,
        entries: [...write.entries].map(([field, value]) => [
          field,
          value && contribution.encode(change(contribution.decode(value))),
        ]),
      });
      const writes = what.writes.map((write) => (write.hash === CONTRIBUTIONS_HASH ? changed(write) : write));
      return store.commit(task, { ...what, writes });
    },
  }));

/** Mutants with a defect in retention; histories with retention must detect each. */
export const RETENTION_MUTANTS: readonly NamedMutant[] = [
  {
    name: 'retired deliveries are not adopted',
    seed: 1,
    deps: (deps) => withRetired(deps, async () => undefined),
  },
  {
    name: 'retired deliveries are adopted late',
    seed: 4,
    deps: (deps) => {
      let reads = 0;
      return withRetired(deps, async (...args) => {
        reads += 1;
        if (reads % 3 === 0) await deps.reader.read(...args);
      });
    },
  },
  {
    name: 'late feedback is passed over',
    seed: 1,
    deps: (deps) => ({
      ...deps,
      sink: {
        ...deps.sink,
        emit: (records) =>
          deps.sink.emit(
            records.filter(({ headers }) => headerOf(headers ?? [], 'efs.reason') !== 'retired-delivery'),
          ),
      },
    }),
  },
  {
    name: 'feedback that a retired delivery counts is late, too',
    seed: 125,
    deps: (deps) => withShares(deps, (share) => ({ ...share, retiredFrom: share.retiredFrom && {} })),
  },
  {
    name: 'deliveries are retired before the retention has passed',
    seed: 17,
    service: (service) => ({ ...service, deps: { ...service.deps, retentionMs: 0 } }),
  },
];
