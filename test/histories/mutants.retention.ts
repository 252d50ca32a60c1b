import type { Servers } from '../../src/app/compose';
import type { OutgoingRecord } from '../../src/log/sink';
import { FOLDED_UNTIL } from '../../src/pipeline/flags';
import { isRetirementMarker } from '../../src/pipeline/retention';
import { FLAGS_HASH, RETIRED_HASH } from '../../src/store/hashes';
import type { Read } from '../../src/store/store';
import { HOUR } from '../support/feedback';
import { type NamedMutant, withStore } from './mutants';

/** Changes the values read from a hash. */
const misreading =
  (hash: string, change: (value: Buffer, field: Buffer) => Buffer | null) => (deps: Servers) =>
    withStore(deps, (store) => ({
      load: async (task, reads) => {
        const found = await store.load(task, reads);
        return found.map((values, index) => {
          const { hash: asked, fields } = reads[index] as Read;
          const names = asked === hash ? [...fields] : [];
          return values.map((value, at) => (value && names[at] ? change(value, names[at]) : value));
        });
      },
    }));

const withoutMarkers = (records: readonly OutgoingRecord[]): OutgoingRecord[] =>
  records.filter((record) => !isRetirementMarker(record));

/** Mutants with a defect in retention; histories with retention must detect each. */
export const RETENTION_MUTANTS: readonly NamedMutant[] = [
  {
    name: 'retirements are not read',
    seed: 1,
    deps: misreading(RETIRED_HASH, () => null),
  },
  {
    name: 'markers are not emitted',
    seed: 1,
    deps: (deps) => ({
      ...deps,
      transactionalSinks: {
        open: async (name) => {
          const sink = await deps.transactionalSinks.open(name);
          return { ...sink, emit: (records, checkpoint) => sink.emit(withoutMarkers(records), checkpoint) };
        },
      },
    }),
  },
  {
    name: 'a task claims to have folded later feedback',
    seed: 1,
    deps: misreading(FLAGS_HASH, (value, field) =>
      field.equals(FOLDED_UNTIL.field) ? FOLDED_UNTIL.encode(FOLDED_UNTIL.decode(value) + 300 * HOUR) : value,
    ),
  },
  {
    name: 'deliveries are retired before the retention has passed',
    seed: 38,
    service: (service) => ({ ...service, deps: { ...service.deps, retentionMs: 0 } }),
  },
  {
    name: 'a generation does not copy earlier retirements',
    seed: 768,
    service: (service) => ({
      ...service,
      generation: { ...service.generation, retirementIn: () => null },
    }),
  },
];
