import { MESSAGE_STATUS_TOPIC } from '../../src/feedback/topics';
import type { MessageStatusChanged } from '../../src/kpi/encode';
import { compare, type Observed } from '../recount/compare';
import { partitionOf } from '../recount/read';
import type { Recount, RecountedMessage } from '../recount/recount';
import { heldBy, schemasOf, valueReader } from './read-back';
import type { Stage } from './stage';

/** The last record of a message, with its timestamp in the log. */
interface Published extends Pick<MessageStatusChanged, 'status' | 'reason' | 'failureType'> {
  readonly at: number;
}

/** The last record of each message on `efs.message-status`, by `deliveryId/messageId`. */
export async function lastStatuses(stage: Stage): Promise<Map<string, Published>> {
  const read = valueReader(await schemasOf(stage), 'message-status-changed');
  const last = new Map<string, Published>();
  for (const { key, value, timestamp: at } of await heldBy(stage, MESSAGE_STATUS_TOPIC)) {
    if (value === null) continue;
    const { status, reason, failureType } = read(value) as MessageStatusChanged;
    last.set(String(key), { status, reason, failureType, at });
  }
  return last;
}

/** A rollback of the state that a status task has detected. */
interface Rollback {
  readonly partition: number;
  readonly at: number;
}

/** All rollbacks of status tasks that the workers have logged. */
function rollbacksOf(stage: Stage): Rollback[] {
  return stage
    .workers()
    .flatMap((worker) => worker.lines())
    .filter(({ msg, pipeline }) => msg.startsWith('store is stale') && pipeline === 'status')
    .map((line) => ({ partition: Number(line['partition']), at: Date.parse(line.time) }));
}

export interface StatusProblems {
  /** Differences that no rollback explains. */
  readonly problems: string[];
  /**
   * Messages whose last record is missing or older than their state, where the state is right and was rolled back in Redis
   * after that record. The service does not republish what a rollback undid in between.
   */
  readonly rolledBack: string[];
}

/**
 * Compares the last published status of every message with the recount, where statuses are published; `kept` are the
 * stored ones.
 */
export async function statusProblems(
  stage: Stage,
  counted: Recount,
  kept: NonNullable<Observed['messages']>,
): Promise<StatusProblems> {
  if (stage.settings['EFS_MESSAGE_STATUS'] !== 'on') return { problems: [], rolledBack: [] };
  const published = await lastStatuses(stage);
  return judgeStatuses({
    counted,
    published,
    kept,
    rollbacks: rollbacksOf(stage),
    partitions: stage.partitions,
  });
}

/** Separates the differences that a rollback explains from the others. */
export function judgeStatuses(found: {
  readonly counted: Recount;
  readonly published: ReadonlyMap<string, Published>;
  readonly kept: NonNullable<Observed['messages']>;
  readonly rollbacks: readonly Rollback[];
  readonly partitions: number;
}): StatusProblems {
  const { counted, published, kept, rollbacks, partitions } = found;
  const isExplained = (id: string): boolean => {
    const message = counted.messages.get(id);
    const last = published.get(id);
    if (message === undefined || isSame(last, message) || !isSame(kept.get(id), message)) return false;
    const home = partitionOf(Buffer.from(message.messageId), partitions);
    return rollbacks.some(({ partition, at }) => partition === home && at >= (last?.at ?? 0));
  };
  const explained = new Set([...counted.messages.keys()].filter(isExplained));
  const differences = (isChosen: (id: string) => boolean): string[] =>
    compare(
      { messages: only(counted.messages, isChosen), deliveries: new Map(), deadLetters: new Map() },
      { statuses: only(published, isChosen) },
    );
  return {
    problems: differences((id) => !explained.has(id)),
    rolledBack: differences((id) => explained.has(id)),
  };
}

type Status = Pick<RecountedMessage, 'status' | 'reason' | 'failureType'>;

const isSame = (a: { readonly [F in keyof Status]: string | null } | undefined, b: Status): boolean =>
  a?.status === b.status && a.reason === b.reason && a.failureType === b.failureType;

const only = <V>(all: ReadonlyMap<string, V>, isChosen: (id: string) => boolean): Map<string, V> =>
  new Map([...all].filter(([id]) => isChosen(id)));
