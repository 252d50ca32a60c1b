/** The facts of an existing topic that set-up needs. */
export interface TopicFacts {
  readonly partitions: number;
  /** As Kafka names it: `delete`, `compact` or both with a comma. */
  readonly cleanupPolicy: string;
  /** The effective values, with the broker's defaults, in milliseconds and in bytes of a partition; -1 is unlimited. */
  readonly retentionMs: number;
  readonly retentionBytes: number;
}

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Kafka's own names and values, such as `cleanup.policy`. */
  readonly config: Readonly<Record<string, string>>;
}

/** The log's administration, as far as set-up needs it. All methods throw `kafka-unavailable`. */
export interface TopicAdmin {
  /** Number of brokers. */
  brokers(): Promise<number>;
  /** The topics of these names that exist. */
  describe(names: readonly string[]): Promise<ReadonlyMap<string, TopicFacts>>;
  /**
   * Creates topics and waits until they can be used. A topic that has been created concurrently is left unchanged.
   * Throws `topic-unfit` with Kafka's reason where Kafka refuses to create one.
   */
  create(topics: readonly NewTopic[]): Promise<void>;
  close(): Promise<void>;
}
