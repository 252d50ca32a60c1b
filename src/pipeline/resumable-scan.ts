import type { Clock } from '../base/clock';
import type { Millis } from '../feedback/feedback';
import type { Projected } from '../pipeline';
import type { Store, TaskAddress } from '../store/store';

/*
 * What needs many entries of the state is done in parts, between the batches of a task: a scan stops where its budget is
 * used up, and goes on there after a later commit.
 */

/** Entries of one hash. */
export interface Page {
  readonly hash: string;
  readonly entries: readonly (readonly [field: Buffer, value: Buffer])[];
}

/** What is scanned, and the effects that follow from it. */
export interface ScanRules<Subject> {
  /** The subject of the next scan, and the hashes that hold it; null while none is due. */
  begin(now: Millis): Promise<{ readonly subject: Subject; readonly hashes: readonly string[] } | null>;
  page(subject: Subject, page: Page, now: Millis): AsyncIterable<Projected>;
  /** After the last page. */
  end(subject: Subject, now: Millis): Iterable<Projected>;
}

/** What is read between two batches, at most; the page that exceeds the entries is the last. */
export interface ScanBudget {
  readonly pages: number;
  readonly entries: number;
}

/** Scans one subject after the other. Each call goes on where the last one stopped, for as long as the budget lasts. */
export function resumableScan<Subject>(
  deps: { readonly store: Pick<Store, 'scan'>; readonly address: TaskAddress; readonly clock: Clock },
  budget: ScanBudget,
  rules: ScanRules<Subject>,
): () => AsyncGenerator<Projected> {
  const { store, address, clock } = deps;
  let scan: { subject: Subject; left: readonly string[]; cursor: string } | null = null;

  return async function* () {
    for (let pages = 0, entries = 0; pages < budget.pages && entries < budget.entries; pages += 1) {
      const now = clock.now();
      if (scan === null) {
        const begun = await rules.begin(now);
        if (begun === null) return;
        scan = { subject: begun.subject, left: begun.hashes, cursor: '0' };
      }
      const { subject, left, cursor } = scan;
      const [hash = ''] = left;
      const page = await store.scan(address, hash, cursor);
      entries += page.entries.length;
      scan = { subject, left: page.cursor === '0' ? left.slice(1) : left, cursor: page.cursor };
      yield* rules.page(subject, { hash, entries: page.entries }, now);
      if (scan.left.length > 0) continue;
      scan = null;
      yield* rules.end(subject, now);
    }
  };
}
