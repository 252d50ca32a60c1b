import { DeliveryId, MessageId } from '../../src/base/ids';
import { SCHEMAS } from '../../src/feedback/schemas';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { domainGroups } from '../../src/kpi/domains';
import { type KpiChanged, wireType } from '../../src/kpi/encode';
import { hourKeyOf } from '../../src/kpi/kpis';
import { changeOf, emptySum } from '../../src/kpi/publish';
import { partitionOf } from '../../src/log/partitioner';
import { evolve } from '../../src/status/evolve';
import type { MessageAggregate } from '../../src/status/message';
import { encodeMessage, encodeMessageId } from '../../src/store/codec';
import { messagesHash } from '../../src/store/hashes';
import { memoryStore } from '../../src/store/store.memory';
import type { Manifest, TaskAddress, Write } from '../../src/store/store';
import { feedback, HOUR, T0 } from './feedback';
import { writeState } from './state';

const manifest: Manifest = {
  stateId: 3,
  partitions: 4,
  defaultPolicy: 'EFS',
  domainGroups: 'google=gmail.com',
  buckets: 1,
  generation: 1,
  predecessor: null,
  contributionsFrom: [],
};
const groups = domainGroups([{ name: 'google', domains: ['gmail.com'] }]);
export const kpiType = wireType<KpiChanged>(SCHEMAS.KpiChanged, 7);

/** A state in memory with this content of one task. */
export async function stateWith(pipeline: TaskAddress['pipeline'], partition: number, write: Write) {
  const state = memoryStore();
  const zeros = Array.from({ length: 4 }, () => FEEDBACK_TOPICS.map(() => 0));
  await state.create(manifest, { status: zeros, kpi: zeros.map(() => [0]) });
  const task: TaskAddress = { stateId: 3, pipeline, partition };
  await writeState(state, task, [write], (positions) => positions.map((_, i) => 10 + i));
  return state;
}

export const d1 = DeliveryId('d1');
export const m1 = MessageId('m1');
/** The partition that the message belongs to. */
export const home = partitionOf(Buffer.from('m1'), 4);

/** A state with the message in a partition: soft-bounced, then bounced asynchronously, then complained about. */
export function messageIn(partition: number) {
  const events = [
    feedback.relayed({ recipientDomain: 'GMAIL.com', validityPeriodMs: 24 * HOUR }),
    feedback.softBounced({ occurredAt: T0 + 1000 }),
    feedback.hardBounced({ occurredAt: T0 + 2 * HOUR, source: 'ASYNC' }),
    feedback.complained({ occurredAt: T0 + 3 * HOUR }),
  ];
  let aggregate: MessageAggregate | null = null;
  for (const each of events) aggregate = evolve(aggregate, each, groups.indexOf);
  const value = encodeMessage(aggregate as MessageAggregate);
  return stateWith('status', partition, {
    hash: messagesHash(d1, 0),
    entries: [[encodeMessageId(m1), value]],
  });
}

/** The KPIs of the delivery. */
export const kpi = (): KpiChanged => {
  const sum = emptySum('d1', 3);
  Object.assign(sum, { relayed: 2000, sent: 1750, delivered: 1750, failed: 250, failedByHardBounce: 250 });
  Object.assign(sum, { revision: 9, asOf: T0, deliverySize: 2500, failedByReason: { USER_UNKNOWN: 250 } });
  Object.assign(sum, { byDomain: { google: { relayed: 2000, sent: 1750, failed: 250, softBounced: 3 } } });
  Object.assign(sum, {
    throughput: { [hourKeyOf(Date.UTC(2026, 10, 22, 3))]: { successes: 1750, errors: 250 } },
  });
  return changeOf(sum, null, { generation: 3, defaultPolicy: 'EFS' }) as KpiChanged;
};
