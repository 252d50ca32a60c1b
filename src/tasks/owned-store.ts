import type { Commit, CommitId, CommitOutcome, Claim, Store, TaskAddress } from '../store/store';
import type { Retry } from './retry';
import { type ReadableStore, withRetry } from './retrying';

/** The state of one task as its owner uses it. */
export interface OwnedStore extends ReadableStore {
  claim(number: number): Promise<Claim | null>;
  commit(commit: Commit): Promise<CommitOutcome>;
}

/**
 * A store whose reads of the task's own state are of exactly what its owner has committed, and throw `NotOwned` otherwise. A
 * store that came back older, and has returned to the newer state before the next commit, would else be read without notice.
 */
export function ownedStore(store: Store, address: TaskAddress, retry: Retry): OwnedStore {
  let known: CommitId | undefined;
  const knownOf = (task: TaskAddress): CommitId | undefined => (task === address ? known : undefined);
  const checked: ReadableStore = {
    ...store,
    load: (task, reads) => store.load(task, reads, knownOf(task)),
    scan: (task, hash, cursor) => store.scan(task, hash, cursor, knownOf(task)),
  };
  return {
    ...withRetry(checked, retry),
    async claim(number) {
      const claim = await retry(() => store.claim(address, number));
      if (claim !== null) known = claim;
      return claim;
    },
    async commit(commit) {
      const outcome = await retry(() => store.commit(address, commit));
      if (outcome === 'committed') known = commit;
      return outcome;
    },
  };
}
