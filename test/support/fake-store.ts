import type { Loaded, Plan } from '../../src/pipeline';

/** The hashes of one task as plain maps, for plans without a store. */
export interface FakeStore {
  /** Executes a plan: loads what it reads, projects, writes, and returns its outgoing records. */
  run(plan: Plan): ReturnType<Plan['project']>['outgoing'];
  put(hash: string, field: string, value: Buffer): void;
  entries(hash: string): ReadonlyMap<string, Buffer>;
  hashes(): readonly string[];
}

export function fakeStore(): FakeStore {
  const hashes = new Map<string, Map<string, Buffer>>();
  const at = (hash: string): Map<string, Buffer> => {
    const known = hashes.get(hash) ?? new Map<string, Buffer>();
    hashes.set(hash, known);
    return known;
  };
  return {
    run(plan) {
      const loaded: Loaded = plan.reads.map(({ hash, fields }) =>
        Array.from(fields, (field) => at(hash).get(field.toString('latin1')) ?? null),
      );
      const { writes, outgoing } = plan.project(loaded);
      for (const { hash, entries } of writes) {
        for (const [field, value] of entries) {
          if (value === null) at(hash).delete(field.toString('latin1'));
          else at(hash).set(field.toString('latin1'), value);
        }
      }
      return outgoing;
    },
    put: (hash, field, value) => void at(hash).set(field, value),
    entries: at,
    hashes: () => [...hashes.keys()],
  };
}
