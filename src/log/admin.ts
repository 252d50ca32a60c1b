/** The facts of an existing topic. */
export interface TopicFacts {
  readonly partitions: number;
  /** As Kafka names it: `delete`, `compact` or both with a comma. */
  readonly cleanupPolicy: string;
  /** The effective values, with the broker's defaults, in milliseconds and in bytes of a partition; -1 is unlimited. */
  readonly retentionMs: number;
  readonly retentionBytes: number;
  /** The largest record batch that it takes, as it is compressed. */
  readonly maxMessageBytes: number;
  /** Of the partition that has the fewest: how many replicas it has, and how many of them are in sync. */
  readonly replicas: number;
  readonly inSync: number;
  /** With fewer replicas in sync a partition takes no records. */
  readonly minInSync: number;
}

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Kafka's own names and values, such as `cleanup.policy`. */
  readonly config: Readonly<Record<string, string>>;
}

/** The log's administration. All methods throw `kafka-unavailable`, `access-refused`. */
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
