import type { EfsError } from '../base/errors';

/** What a worker must know of the server that holds the state, beside whether it answers. */
export interface StateServerFacts {
  /** Why the state is not safe there, or null: `redis-evicts`, `redis-replica`. */
  readonly problem: EfsError | null;
  /**
   * By how much this worker's time of day is ahead of the server's, in milliseconds, negative where it is behind; 0 where that
   * is not known. Of several servers, that which it is ahead of the farthest.
   */
  readonly aheadMs: number;
}

export interface StateServer {
  /** Throws `redis-unavailable`. */
  inspect(): Promise<StateServerFacts>;
  /** Calls `listener` whenever the connection has been made again, which may be to another server. */
  onReconnect(listener: () => void): void;
}
