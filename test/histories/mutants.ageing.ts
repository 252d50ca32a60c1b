import type { Servers } from '../../src/app/compose';
import type { OutgoingRecord } from '../../src/log/sink';
import { FOLDED_UNTIL_FIELD, isMarker } from '../../src/pipeline/retention';
import { FLAGS_HASH, RETIRED_HASH } from '../../src/store/hashes';
import type { Read } from '../../src/store/store';
import { HOUR } from '../support/feedback';
import { type NamedMutant, withStore } from './mutants';

/** What is read from some hash, as something else. */
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
  records.filter((record) => !isMarker(record));

/** Builds of the service in which retention is broken; each must be found out in histories in which deliveries grow old. */
export const AGEING_MUTANTS: readonly NamedMutant[] = [
  {
    name: 'nobody knows what is retired',
    shownBy: ['ages'],
    deps: misreading(RETIRED_HASH, () => null),
  },
  {
    name: 'that a delivery is retired is not said in the log',
    shownBy: ['ages'],
    deps: (deps) => ({
      ...deps,
      fencedSinks: {
        open: async (name) => {
          const sink = await deps.fencedSinks.open(name);
          return { ...sink, emit: (records, checkpoint) => sink.emit(withoutMarkers(records), checkpoint) };
        },
      },
    }),
  },
  {
    name: 'a task says that it has folded what is still to come',
    shownBy: ['stall'],
    deps: misreading(FLAGS_HASH, (value, field) =>
      field.equals(FOLDED_UNTIL_FIELD) ? Buffer.from(String(Number(value) + 300 * HOUR)) : value,
    ),
  },
  {
    name: 'deliveries are retired in the prime of their lives',
    shownBy: ['ages'],
    service: (service) => ({ ...service, deps: { ...service.deps, retentionMs: 0 } }),
  },
  {
    name: 'a generation does not ask what was retired before it',
    shownBy: ['wipe'],
    service: (service) => ({
      ...service,
      generation: { ...service.generation, retirementIn: () => null },
    }),
  },
];
