import type { FeedbackKind } from './feedback';

export const RELAYED_TOPIC = 'mta.relayed';
export const RETRY_OUTCOME_TOPIC = 'mta.retry-outcome';

/**
 * The inputs, in the order in which positions are kept. A topic's index here is its index everywhere; another topic is another
 * row at the end, because state that was built before has positions of the rows before it only.
 */
export const FEEDBACK_TOPICS = [
  { topic: RELAYED_TOPIC, kind: 'Relayed' },
  { topic: 'mta.delivered', kind: 'Delivered' },
  { topic: 'mta.hard-bounced', kind: 'HardBounced' },
  { topic: 'mta.soft-bounced', kind: 'SoftBounced' },
  { topic: RETRY_OUTCOME_TOPIC, kind: 'RetryOutcome' },
  { topic: 'mta.complained', kind: 'Complained' },
] as const satisfies readonly { topic: string; kind: FeedbackKind }[];

/** Their names, in the same order. */
export const INPUT_TOPICS: readonly string[] = FEEDBACK_TOPICS.map(({ topic }) => topic);

export const CONTRIBUTIONS_TOPIC = 'efs.kpi-contributions';
/** Last contributions to retired deliveries, each in the partition whose messages it counts. */
export const RETIRED_TOPIC = 'efs.retired-deliveries';
export const DELIVERY_KPI_TOPIC = 'efs.delivery-kpi';
export const MESSAGE_STATUS_TOPIC = 'efs.message-status';
export const DEAD_LETTER_TOPIC = 'efs.dead-letter';
/** What a source sent that cannot become feedback, as it was sent. */
export const INGEST_DEAD_LETTER_TOPIC = 'efs.ingest-dead-letter';
/** The index of native ids: whose message it is that a source knows by an id of its own. */
export const INGEST_INDEX_TOPIC = 'efs.ingest-index';

/** The topics that each pipeline reads, in the order in which its positions are kept. */
export const TOPICS_OF = { status: INPUT_TOPICS, kpi: [CONTRIBUTIONS_TOPIC] } as const;

/** Every topic of the service. All have the same number of partitions. Names here are without the tenant's prefix. */
export const ALL_TOPICS: readonly string[] = [
  ...INPUT_TOPICS,
  CONTRIBUTIONS_TOPIC,
  RETIRED_TOPIC,
  DELIVERY_KPI_TOPIC,
  MESSAGE_STATUS_TOPIC,
  DEAD_LETTER_TOPIC,
];

/** What `efs setup` creates: the topics of the service, and those that only ingestion needs. */
export const SETUP_TOPICS: readonly string[] = [...ALL_TOPICS, INGEST_DEAD_LETTER_TOPIC, INGEST_INDEX_TOPIC];
