/** A right of the log's access lists. */
export interface Right {
  readonly resource: 'topic' | 'group' | 'transactional id';
  /** By the log's own name, with the tenant's prefix. */
  readonly name: string;
  readonly operation: 'Read' | 'Write' | 'Describe' | 'DescribeConfigs';
}

/** What the user of the log may do. */
export interface Rights {
  /**
   * Those of `rights` that the user lacks. Changes nothing in the log; rights of a topic that does not exist are not tested.
   * Throws `kafka-unavailable`.
   */
  lacking(rights: readonly Right[]): Promise<readonly Right[]>;
  close(): Promise<void>;
}
