/** A server that holds state, as it describes itself. */
export interface MasterFacts {
  /** Its address. */
  readonly name: string;
  /** With the name of the product. */
  readonly version: string;
  /** How many replicas follow it. */
  readonly replicas: number;
  readonly usedBytes: number;
  /** 0 is unlimited. */
  readonly maxBytes: number;
  /** Whether it saves to disk; `failing` where the last attempt failed: it takes no writes then. */
  readonly persistence: 'on' | 'off' | 'unknown' | 'failing';
}

/** The servers that hold the state, and what their user may do. Changes nothing. Throws `redis-unavailable`. */
export interface StateInspection {
  /** Without those whose user may not ask. */
  masters(): Promise<readonly MasterFacts[]>;
  /** The commands of the service that the user may not use, on its keys. */
  refusedCommands(): Promise<readonly string[]>;
}
