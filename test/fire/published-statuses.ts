import { MESSAGE_STATUS_TOPIC } from '../../src/feedback/topics';
import type { MessageStatusChanged } from '../../src/kpi/encode';
import { compare } from '../recount/compare';
import type { Recount } from '../recount/recount';
import { heldBy, schemasOf, valueReader } from './read-back';
import type { Stage } from './stage';

type Published = Pick<MessageStatusChanged, 'status' | 'reason' | 'failureType'>;

/** The last record of each message on `efs.message-status`, by `deliveryId/messageId`. */
export async function lastStatuses(stage: Stage): Promise<Map<string, Published>> {
  const read = valueReader(await schemasOf(stage), 'message-status-changed');
  const last = new Map<string, Published>();
  for (const { key, value } of await heldBy(stage, MESSAGE_STATUS_TOPIC)) {
    if (value === null) continue;
    const { status, reason, failureType } = read(value) as MessageStatusChanged;
    last.set(String(key), { status, reason, failureType });
  }
  return last;
}

/** The differences between the last published status of every message and the recount, where statuses are published. */
export async function statusProblems(
  stage: Stage,
  { messages }: Pick<Recount, 'messages'>,
): Promise<string[]> {
  if (stage.settings['EFS_MESSAGE_STATUS'] !== 'on') return [];
  const statuses = await lastStatuses(stage);
  return compare({ messages, deliveries: new Map(), deadLetters: new Map() }, { statuses });
}
