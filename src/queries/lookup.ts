import { EfsError } from '../base/errors';
import type { DeliveryId, MessageId } from '../base/ids';
import { iso } from '../base/time';
import type { PolicyName } from '../feedback/feedback';
import { partitionOf } from '../log/partitioner';
import { SCHEMAS } from '../feedback/schemas';
import { INPUT_TOPICS } from '../feedback/topics';
import { countingRules } from '../kpi/contribution';
import { type KpiChanged, wireType } from '../kpi/encode';
import { KIND, type MessageAggregate, type Outcome, RANK, type SoftBounceFacts } from '../status/message';
import { policyOf } from '../status/policy';
import { type MessageStatus, statusOf } from '../status/projection';
import { decodeMessage, encodeMessageId } from '../store/codec';
import { bucketOf, messagesHash, PUBLISHED_HASH } from '../store/hashes';
import type { Generations, Manifest, Store, TaskAddress } from '../store/store';
import { type BounceView, bounceOf, type MessageTimeline, messageTimelineOf } from './message-timeline';

/** The state, read-only. */
export type State = Pick<Store, 'load' | 'loadAt' | 'inspect' | 'scan'> & Pick<Generations, 'active'>;

/** A bounce or an outcome, in words; times in ISO 8601. */
export interface FactView extends BounceView {
  readonly at: string;
  readonly what: string;
}

/** Everything the state holds about a message. */
export interface MessageView extends MessageStatus, MessageTimeline {
  readonly deliveryId: string;
  readonly messageId: string;
  readonly policy: PolicyName;
  readonly relay: { readonly at: string; readonly knownBy: string; readonly domainGroup: string };
  readonly validUntil: string;
  readonly softBounce: FactView | null;
  readonly outcome: FactView | null;
  /** The first complaint. */
  readonly complainedAt: string | null;
  readonly generation: number;
  readonly partition: number;
  /** The next offset of each input in that partition: feedback before it has been folded. */
  readonly positions: Readonly<Record<string, number>>;
}

const RELAY_KNOWN_BY = [
  'a relay event',
  'the relay time in other feedback',
  'the time of other feedback',
] as const;

const OUTCOMES: Readonly<Record<Outcome['kind'], string>> = {
  [KIND.DELIVERED]: 'delivered',
  [KIND.RETRY_SUCCEEDED]: 'retry succeeded',
  [KIND.RETRY_EXPIRED]: 'validity period over',
  [KIND.RETRY_FAILED]: 'retry failed',
  [KIND.BOUNCED]: 'bounced',
};

const RANKS: Readonly<Record<Outcome['rank'], string>> = {
  [RANK.INFERRED]: ' (inferred)',
  [RANK.OBSERVED]: '',
  [RANK.ASYNCHRONOUS]: ' (asynchronously)',
};

function fact(what: string, bounce: SoftBounceFacts | Outcome): FactView {
  return { at: iso(bounce.at), what, ...bounceOf(bounce) };
}

function factsOf(message: MessageAggregate, manifest: Manifest) {
  const { relay, softBounce, outcome, validityMs, complainedAt } = message;
  const { groups } = countingRules(manifest);
  return {
    ...statusOf(message, manifest.defaultPolicy),
    ...messageTimelineOf(message, manifest.defaultPolicy),
    policy: policyOf(message.named, manifest.defaultPolicy),
    relay: {
      at: iso(relay.at),
      knownBy: RELAY_KNOWN_BY[relay.rank],
      domainGroup: groups.nameOf(relay.domainGroup),
    },
    validUntil: iso(relay.at + validityMs),
    softBounce: softBounce === null ? null : fact('soft bounce', softBounce),
    outcome: outcome === null ? null : fact(OUTCOMES[outcome.kind] + RANKS[outcome.rank], outcome),
    complainedAt: complainedAt === null ? null : iso(complainedAt),
  };
}

/** The manifest of the active generation. Throws `not-found` where the state is empty, `redis-unavailable`. */
export async function activeManifest(state: State): Promise<Manifest> {
  const manifest = await state.active();
  if (manifest === null) throw new EfsError('not-found', 'the state is empty: the service has not run yet');
  return manifest;
}

/**
 * What the state holds about a message. Reads the partition that the message's key belongs to first, then all others:
 * producers may use another partitioner. Throws `not-found`, `redis-unavailable`.
 */
export async function lookUpMessage(
  state: State,
  delivery: DeliveryId,
  message: MessageId,
): Promise<MessageView> {
  const manifest = await activeManifest(state);
  const { stateId, partitions } = manifest;
  const field = encodeMessageId(message);
  const hash = messagesHash(delivery, bucketOf(field, manifest.buckets));
  const home = partitionOf(Buffer.from(message), partitions);
  for (let step = 0; step < partitions; step++) {
    const task: TaskAddress = { stateId, pipeline: 'status', partition: (home + step) % partitions };
    const found = await state.loadAt(task, [{ hash, fields: [field] }]);
    const value = found?.values[0]?.[0];
    if (found === null || value == null) continue;
    const positions = Object.fromEntries(
      INPUT_TOPICS.map((topic, index) => [topic, found.positions[index] ?? 0]),
    );
    const facts = factsOf(decodeMessage(value), manifest);
    return {
      deliveryId: delivery,
      messageId: message,
      ...facts,
      generation: stateId,
      partition: task.partition,
      positions,
    };
  }
  throw new EfsError(
    'not-found',
    `no feedback about message ${message} of delivery ${delivery} has been folded`,
  );
}

const kpiType = wireType<KpiChanged>(SCHEMAS.KpiChanged, 0);

/** Decodes a record of the KPI topic; null for bytes that are not one, or whose time has no date. */
export function readKpi(value: Buffer | null): KpiChanged | null {
  const kpi = value === null ? null : kpiType.read(value);
  return kpi === null || Number.isNaN(new Date(kpi.asOf).getTime()) ? null : kpi;
}

/** The KPIs of a delivery as last published. Throws `not-found`, `redis-unavailable`. */
export async function lookUpDelivery(state: State, delivery: DeliveryId): Promise<KpiChanged> {
  const { stateId, partitions } = await activeManifest(state);
  const field = Buffer.from(delivery);
  const task: TaskAddress = { stateId, pipeline: 'kpi', partition: partitionOf(field, partitions) };
  const [[value] = []] = await state.load(task, [{ hash: PUBLISHED_HASH, fields: [field] }]);
  const kpi = readKpi(value ?? null);
  if (kpi === null) throw new EfsError('not-found', `no KPIs of delivery ${delivery} have been published`);
  return kpi;
}
