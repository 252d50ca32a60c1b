import type { Clock } from '../base/clock';
import type { DeliveryId } from '../base/ids';
import type { Millis } from '../feedback/feedback';
import type { Positions } from '../log/source';
import type { Contribution, WireType } from '../kpi/encode';
import type { TaskOwnership } from '../pipeline';
import { CONTRIBUTIONS_HASH, messagesHash } from '../store/hashes';
import type { Store, TaskAddress } from '../store/store';
import { isPast } from './publish-gate';
import type { RetiredKnown } from './late-records';
import { retiredAmong, WALK_MS } from './retention';

/*
 * How a status task forgets retired deliveries: messages first, a page in a commit, and the contribution last, by which
 * the next owner finds a delivery again that is half forgotten. Late feedback is kept out meanwhile (late.ts), so what is
 * forgotten does not come back.
 */

/** Fields of a hash of messages that are to be deleted. */
export interface ForgetMessages {
  readonly kind: 'ForgetMessages';
  readonly hash: string;
  readonly fields: readonly Buffer[];
}

/** None of the delivery's messages is left: the rest is to be deleted, too. */
export interface ForgetDelivery {
  readonly kind: 'ForgetDelivery';
  readonly deliveryId: DeliveryId;
}

/** All that the log held at this time has been folded. */
export interface FoldedUntil {
  readonly kind: 'FoldedUntil';
  readonly at: Millis;
}

export type EvictionCommand = ForgetMessages | ForgetDelivery | FoldedUntil;

export interface EvictionDeps {
  readonly address: TaskAddress;
  readonly partitions: number;
  readonly buckets: number;
  readonly store: Pick<Store, 'load' | 'scan'>;
  readonly contribution: WireType<Contribution>;
  readonly clock: Clock;
  readonly retentionMs: number;
  /** What is forgotten is not to be believed in any more. */
  readonly retiredKnownUntil: Pick<RetiredKnown, 'delete'>;
  /** The ends of the inputs as they are now. */
  inputEnds(): Promise<Positions>;
}

/** Pages that are looked at between two batches, while few messages are found in them: many hashes are small. */
const PAGES_AT_ONCE = 20;
/** Messages after which the next batch has its turn: deleting them holds it up. */
const MESSAGES_AT_ONCE = 5_000;
/** How often a task says how far it has come. */
const SAID_MS = 600_000;

interface Place {
  bucket: number;
  cursor: string;
}

/** What a status task owes to retention: asked after each commit of a task that has caught up with the log. */
export function evictionCommands(
  deps: EvictionDeps,
): (ownership: Pick<TaskOwnership, 'positions'>) => AsyncGenerator<readonly EvictionCommand[]> {
  const walk = { next: deps.clock.now() + WALK_MS, cursor: '0', isUnderWay: false };
  const saying = foldedUntil(deps);
  const retired: DeliveryId[] = [];
  const place: Place = { bucket: 0, cursor: '0' };

  return async function* ({ positions }) {
    const now = deps.clock.now();
    yield* saying(positions, now);
    let found = 0;
    for (let page = 0; page < PAGES_AT_ONCE && found < MESSAGES_AT_ONCE && retired.length > 0; page += 1) {
      const [deliveryId] = retired as [DeliveryId];
      const messages = await nextMessages(deps, deliveryId, place);
      found += messages?.fields.length ?? 0;
      if (messages !== null) yield [messages];
      if (place.bucket < deps.buckets) continue;
      yield [{ kind: 'ForgetDelivery', deliveryId }];
      retired.shift();
      Object.assign(place, { bucket: 0, cursor: '0' });
    }
    if (retired.length > 0 || (!walk.isUnderWay && now < walk.next)) return;
    if (!walk.isUnderWay) walk.next = now + WALK_MS;
    const page = await nextRetired(deps, walk.cursor);
    retired.push(...page.retired);
    walk.cursor = page.cursor;
    walk.isUnderWay = page.cursor !== '0';
  };
}

/**
 * Says until when all was folded, once in a while. What the log holds it is asked after the time is taken: what was fetched
 * last may be long ago. A task that is behind says it late, and asks again when it has come so far.
 */
function foldedUntil({ inputEnds }: Pick<EvictionDeps, 'inputEnds'>) {
  let next = 0;
  let asked: { readonly at: Millis; readonly deps: Positions } | null = null;
  return async function* (positions: Positions, now: Millis): AsyncGenerator<readonly FoldedUntil[]> {
    for (;;) {
      if (asked === null) {
        if (now < next) return;
        next = now + SAID_MS;
        asked = { at: now, deps: await inputEnds() };
      }
      if (!isPast(asked.deps, positions)) return;
      yield [{ kind: 'FoldedUntil', at: asked.at }];
      asked = null;
    }
  };
}

/** The next messages of a delivery that are left, and moves the place on. */
async function nextMessages(
  { address, store }: EvictionDeps,
  deliveryId: DeliveryId,
  place: Place,
): Promise<ForgetMessages | null> {
  const hash = messagesHash(deliveryId, place.bucket);
  const { cursor, entries } = await store.scan(address, hash, place.cursor);
  place.cursor = cursor;
  if (cursor === '0') place.bucket += 1;
  if (entries.length === 0) return null;
  return { kind: 'ForgetMessages', hash, fields: entries.map(([field]) => field) };
}

/** Of a page of deliveries, the ones that are retired. Only old ones are asked for. */
async function nextRetired(
  deps: EvictionDeps,
  from: string,
): Promise<{ cursor: string; retired: DeliveryId[] }> {
  const { address, partitions, store, contribution, clock, retentionMs } = deps;
  const { cursor, entries } = await store.scan(address, CONTRIBUTIONS_HASH, from);
  const old = entries.filter(([, value]) => contribution.decode(value).asOf + retentionMs < clock.now());
  const ids = old.map(([field]) => field.toString('utf8') as DeliveryId);
  const retired = await retiredAmong(store, { stateId: address.stateId, partitions }, ids);
  for (const id of retired.keys()) deps.retiredKnownUntil.delete(id);
  return { cursor, retired: [...retired.keys()] };
}
