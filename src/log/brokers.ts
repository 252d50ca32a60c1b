import type { EfsError } from '../base/errors';

/** A server of the log, as it answered over a connection of its own. */
export interface BrokerFacts {
  /** Its address, behind its number where the log named it. */
  readonly name: string;
  /** Why it cannot be used, or null. */
  readonly failure: EfsError | null;
  /** What of the log's protocol the service takes and this server lacks; empty where it did not answer. */
  readonly lacks: readonly string[];
}

export interface LogServers {
  /** Those that the settings name, and then all that belong to the log by what the first of them answers. Never throws. */
  inspect(): Promise<{ readonly named: readonly BrokerFacts[]; readonly members: readonly BrokerFacts[] }>;
}
