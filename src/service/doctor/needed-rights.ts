import type { Right } from '../../log/rights';
import {
  ALL_TOPICS,
  CONTRIBUTIONS_TOPIC,
  DEAD_LETTER_TOPIC,
  DELIVERY_KPI_TOPIC,
  INGEST_DEAD_LETTER_TOPIC,
  INPUT_TOPICS,
  MESSAGE_STATUS_TOPIC,
  RETIRED_TOPIC,
  RETRY_OUTCOME_TOPIC,
} from '../../feedback/topics';

/** What the rights of a worker depend on. */
export interface RightsOf {
  readonly prefix: string;
  /** With the prefix. */
  readonly groups: { readonly status: string; readonly kpi: string };
  readonly infersExpiry: boolean;
  readonly publishesStatuses: boolean;
}

/** A right, and what does not work without it: `null` where a worker cannot do its work. */
export interface NeededRight extends Right {
  readonly without: string | null;
}

/** The rights of a worker, as docs/operations.md lists them under "Access rights". */
export function neededRights({ prefix, groups, infersExpiry, publishesStatuses }: RightsOf): NeededRight[] {
  const topic = (
    operation: Right['operation'],
    names: readonly string[],
    without: string | null = null,
  ): NeededRight[] => names.map((name) => ({ resource: 'topic', name: prefix + name, operation, without }));
  const written = [
    CONTRIBUTIONS_TOPIC,
    RETIRED_TOPIC,
    DELIVERY_KPI_TOPIC,
    DEAD_LETTER_TOPIC,
    ...(infersExpiry ? [RETRY_OUTCOME_TOPIC] : []),
    ...(publishesStatuses ? [MESSAGE_STATUS_TOPIC] : []),
  ];
  return [
    ...topic('Describe', ALL_TOPICS),
    ...topic('Read', [...INPUT_TOPICS, CONTRIBUTIONS_TOPIC, RETIRED_TOPIC, DELIVERY_KPI_TOPIC]),
    ...topic('Write', written),
    ...topic('Read', [DEAD_LETTER_TOPIC], 'the page shows no dead letters'),
    ...topic('Read', [INGEST_DEAD_LETTER_TOPIC], 'the page shows no dead letters of ingestion'),
    ...topic('DescribeConfigs', INPUT_TOPICS, 'a retention that is too short is not reported'),
    ...[groups.status, groups.kpi].map((name): NeededRight => ({
      resource: 'group',
      name,
      operation: 'Read',
      without: null,
    })),
    // Named by their first tasks: rights are granted by the group's name as prefix.
    ...['kpi', 'status'].map((pipeline): NeededRight => ({
      resource: 'transactional id',
      name: `${groups.kpi}-${pipeline}-0`,
      operation: 'Write',
      without: null,
    })),
  ];
}
