import { RETIRED_TOPIC } from '../../src/feedback/topics';
import { barrier, withCommit } from './faults';
import { feedback, HOUR, T0 } from './feedback';
import { deadLetters, recordsOf } from './observe';
import { world, type World } from './world';

export const DAY = 24 * HOUR;
const { relayed, delivered } = feedback;

/** The kinds of hashes with data of a delivery (src/store/hashes.ts), before it is retired and after its eviction. */
export const KEPT = ['c', 'd', 'm', 'p', 's'];
export const EVICTED = ['c', 'd', 'p', 's'];

/** Feedback of messages that were relayed and delivered. */
export const sent = (deliveryId: string, count = 20, occurredAt = T0) =>
  Array.from({ length: count }, (_, index) => `${deliveryId}-${index}`).flatMap((messageId) => [
    relayed({ deliveryId, messageId, occurredAt }),
    delivered({ deliveryId, messageId, occurredAt }),
  ]);

/** Advances the clock at once, then waits until the world is at rest. */
export async function later(there: World, ms: number): Promise<void> {
  there.clock.advance(ms);
  await there.settle();
}

/** Lets so many scans of all deliveries run. */
export async function walks(there: World, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await later(there, HOUR + 60_000);
}

/** The names of all hashes of a generation with data of a delivery, `<task> <hash>`. */
function hashesOf({ store }: World, deliveryId: string, generation: number): string[] {
  const found: string[] = [];
  for (const [task, { hashes }] of store.snapshot().tasks) {
    if (!task.includes(`{${generation}.`)) continue;
    for (const [hash, fields] of hashes)
      if (hash.split('/')[1] === deliveryId || fields.has(deliveryId)) found.push(`${task} ${hash}`);
  }
  return found;
}

/** The kinds of hashes in which a generation has data of a delivery. */
export const kinds = (there: World, deliveryId: string, generation = 1): string[] =>
  [
    ...new Set(hashesOf(there, deliveryId, generation).map((trace) => trace.split(' ')[1]!.split('/')[0]!)),
  ].sort();

/** The reason of each dead-lettered record. */
export const late = (there: World): string[] => [...deadLetters(there).values()];

/** The retired deliveries as they were published, `<delivery> <partition>`, repeated ones included. */
export const retired = (there: World): string[] =>
  recordsOf(there, RETIRED_TOPIC)
    .map(({ key, partition }) => `${key!.toString()} ${partition}`)
    .sort();

/** A delivery that is retired in all partitions of a world. */
export const everywhere = ({ partitions }: World, deliveryId: string): string[] =>
  Array.from({ length: partitions }, (_, partition) => `${deliveryId} ${partition}`);

/**
 * A world with an old delivery that one scan has found to be so: the next one retires it, partition by partition, unless it
 * gets more feedback. Where the stall is armed, a commit of its messages is held.
 */
export async function agedWorld(given: Parameters<typeof world>[0]) {
  const there = await world(given);
  const stall = barrier();
  const { kill } = await there.worker((deps) =>
    withCommit(deps, async (_, { writes }) => {
      if (writes.some(({ hash }) => hash.startsWith('m/old'))) await stall.pass();
    }),
  );
  there.produce(sent('old'));
  await later(there, 31 * DAY);
  return { there, stall, kill };
}

/** A world with an old delivery that has been retired and evicted, and a younger one. */
export async function retiredWorld(given: Parameters<typeof world>[0] = {}): Promise<World> {
  const there = await world(given);
  await there.worker();
  there.produce(sent('old'));
  await there.settle();
  there.clock.advance(20 * DAY);
  there.produce(sent('young', 20, T0 + 20 * DAY));
  await later(there, 11 * DAY);
  await walks(there, 3);
  return there;
}
