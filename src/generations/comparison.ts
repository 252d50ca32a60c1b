import { createHash } from 'node:crypto';
import type { DeliveryId, MessageId } from '../base/ids';
import type { PolicyName } from '../feedback/feedback';
import type { Positions } from '../log/source';
import { type CountingRules, countingRules } from '../kpi/contribution';
import type { Contribution } from '../kpi/encode';
import { kpisOf } from '../kpi/kpis';
import { policyOfDelivery } from '../kpi/publish';
import { type MessageStatus, statusOf } from '../status/projection';
import { asStoredNow, decodeMessage } from '../store/codec';
import type { Manifest } from '../store/store';
import { mismatches } from './generation';

/* The comparison of two generations' contents. Pure. */

/** A message as each side shows it. */
export interface MessageView extends MessageStatus {
  readonly domainGroup: string;
}

export interface MessageDifference {
  readonly deliveryId: DeliveryId;
  readonly messageId: MessageId;
  readonly partition: number;
  /** Null where that side does not have the message. */
  readonly active: MessageView | null;
  readonly candidate: MessageView | null;
}

export interface FieldDifference {
  /** `policy`, a KPI, or an entry of one: `failedByReason.REFUSED`. */
  readonly field: string;
  readonly active: string | number | null;
  readonly candidate: string | number | null;
}

export interface DeliveryDifference {
  readonly deliveryId: DeliveryId;
  readonly fields: readonly FieldDifference[];
}

export interface PartitionComparison {
  readonly partition: number;
  /** The last positions at which both sides were compared, by topic index. */
  readonly positions: Positions;
  readonly deliveries: number;
  readonly messages: number;
  /** Over all messages, in any order. Equal messages give equal digests; different ones practically never do. */
  readonly digests: { readonly active: string; readonly candidate: string };
  readonly differingDeliveries: number;
  readonly differingMessages: number;
  /** False where the active generation cannot reach the candidate's start: its position is lost. */
  readonly comparable: boolean;
}

export interface Comparison {
  readonly equal: boolean;
  /** The settings that differ; messages are then compared by the status they show, not by the stored bytes. */
  readonly settings: readonly string[];
  readonly partitions: readonly PartitionComparison[];
  readonly deliveries: readonly DeliveryDifference[];
  readonly messages: readonly MessageDifference[];
  /** How many differ beyond those listed. */
  readonly more: { readonly deliveries: number; readonly messages: number };
}

export type SideName = 'active' | 'candidate';

/** The two generations compared, and how to read them. */
export interface Sides extends Readonly<Record<SideName, Manifest>> {
  readonly rules: Readonly<Record<SideName, CountingRules>>;
  /** The settings that differ. Where there are none, stored bytes mean the same on both sides. */
  readonly settings: readonly string[];
}

export function sidesOf(active: Manifest, candidate: Manifest): Sides {
  const rules = { active: countingRules(active), candidate: countingRules(candidate) };
  return { active, candidate, rules, settings: mismatches(active, candidate) };
}

const DIGEST_BITS = 64;

/** Adds a message to a digest of messages. */
export const plus = (sum: bigint, digest: bigint): bigint => BigInt.asUintN(DIGEST_BITS, sum + digest);

/** The digest of one message on its side. */
export function digestOf(sides: Sides, side: SideName, id: DeliveryId, field: Buffer, value: Buffer): bigint {
  const shown =
    sides.settings.length === 0 ? asStoredNow(value) : JSON.stringify(viewOf(value, sides.rules[side]));
  return createHash('sha1').update(id).update('/').update(field).update(shown).digest().readBigUInt64BE(0);
}

export const hexOf = (digest: bigint): string => digest.toString(16).padStart(DIGEST_BITS / 4, '0');

export function viewOf(value: Buffer, { defaultPolicy, groups }: CountingRules): MessageView {
  const message = decodeMessage(value);
  const { status, reason, failureType } = statusOf(message, defaultPolicy);
  return { status, reason, failureType, domainGroup: groups.nameOf(message.relay.domainGroup) };
}

/** Whether a message is the same on both sides, as stored or, where settings differ, as shown. */
export function sameMessage({ settings, rules }: Sides, active: Buffer, candidate: Buffer): boolean {
  if (settings.length === 0) return asStoredNow(active).equals(asStoredNow(candidate));
  const [a, b] = [viewOf(active, rules.active), viewOf(candidate, rules.candidate)];
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.failureType === b.failureType &&
    a.domainGroup === b.domainGroup
  );
}

/** Whether both sides have folded the same number of records, up to the same event time. */
export function sameFacts(active: Contribution, candidate: Contribution | null): boolean {
  return candidate !== null && active.revision === candidate.revision && active.asOf === candidate.asOf;
}

/** The policy and KPIs that differ, of a delivery or of one partition's contribution to it. */
export function fieldDifferences(
  { active, candidate }: Sides,
  ours: Contribution,
  theirs: Contribution | null,
): FieldDifference[] {
  const one = flatten(ours, active.defaultPolicy);
  const other = theirs === null ? new Map() : flatten(theirs, candidate.defaultPolicy);
  const names = [...new Set([...one.keys(), ...other.keys()])];
  return names
    .map((field) => {
      // Maps omit entries that are all zero.
      const absent = field.includes('.') ? 0 : null;
      return { field, active: one.get(field) ?? absent, candidate: other.get(field) ?? absent };
    })
    .filter((each) => each.active !== each.candidate);
}

/** The policy and every KPI, those of maps by `name.key`. */
function flatten(sum: Contribution, defaultPolicy: PolicyName): Map<string, string | number> {
  const policy = policyOfDelivery(sum, defaultPolicy);
  const flat = new Map<string, string | number>([['policy', policy]]);
  const put = (name: string, value: unknown): void => {
    if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) put(`${name}.${key}`, inner);
    else if (typeof value === 'number') flat.set(name, value);
  };
  for (const [name, value] of Object.entries(kpisOf(sum, policy))) put(name, value);
  return flat;
}
