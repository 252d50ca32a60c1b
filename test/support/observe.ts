import { isDeepStrictEqual } from 'node:util';
import { SCHEMAS as RECORD_SCHEMAS } from '../../src/feedback/schemas';
import {
  DEAD_LETTER_TOPIC,
  DELIVERY_KPI_TOPIC,
  FEEDBACK_TOPICS,
  MESSAGE_STATUS_TOPIC,
} from '../../src/feedback/topics';
import { type KpiChanged, type MessageStatusChanged, wireType } from '../../src/kpi/encode';
import { statusOf } from '../../src/status/projection';
import { decodeMessage, decodeMessageId } from '../../src/store/codec';
import { compare, type Observed } from '../recount/compare';
import type { RawRecord } from '../recount/read';
import { DEFAULT_GROUPS, recount, type Recount } from '../recount/recount';
import { SCHEMAS } from './records';
import type { World } from './world';

const kpiChanged = wireType<KpiChanged>(RECORD_SCHEMAS.KpiChanged, 0);
const statusChanged = wireType<MessageStatusChanged>(RECORD_SCHEMAS.MessageStatusChanged, 0);

/** The parts of an in-memory installation that checks read. */
export type Observable = Pick<World, 'log' | 'partitions' | 'store'> & {
  readonly settings: Pick<World['settings'], 'policy'>;
};

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

interface Found extends RawRecord {
  readonly sequence: number;
  header(name: string): string;
}

/** Every record of a topic of the world, in the order of arrival. */
export function recordsOf(
  { log, partitions }: Pick<Observable, 'log' | 'partitions'>,
  topic: string,
): Found[] {
  const found: Found[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const { low, high } = log.watermarks(topic, partition);
    for (let offset = low; offset < high; offset += 1) {
      const entry = log.entry(topic, partition, offset);
      if (entry?.record == null) continue;
      const { key, value, headers = [] } = entry.record;
      const header = (name: string): string =>
        headers.find((each) => each.name.toString() === name)?.value?.toString() ?? '';
      found.push({
        topic,
        partition,
        offset,
        key,
        value,
        headerCount: headers.length,
        header,
        sequence: entry.sequence,
      });
    }
  }
  return found.sort((a, b) => a.sequence - b.sequence);
}

/** The recount of all records ever produced in the world. */
export function recountWorld(world: Observable): Recount {
  const inputs = FEEDBACK_TOPICS.flatMap(({ topic }) => recordsOf(world, topic));
  return recount(inputs, SCHEMAS, {
    defaultPolicy: world.settings.policy === 'efs' ? 'EFS' : 'RELAY',
    groups: DEFAULT_GROUPS,
    partitions: world.partitions,
    partitioner: 'murmur2',
  });
}

/** Every KPI record, in the order of arrival; the same bytes twice in a row count once. */
export function kpiRecords(world: Observable): KpiChanged[] {
  const last = new Map<string, Buffer>();
  return recordsOf(world, DELIVERY_KPI_TOPIC).flatMap(({ key, value }) => {
    const id = String(key);
    // A test may let a stranger write here.
    if (kpiChanged.read(value!) === null) return [];
    if (last.get(id)?.equals(value!) === true) return [];
    last.set(id, value!);
    return [plain(kpiChanged.decode(value!))];
  });
}

/** Every status record of a message, in the order of arrival. */
export function statusRecords(world: Observable): MessageStatusChanged[] {
  return recordsOf(world, MESSAGE_STATUS_TOPIC).map(({ value }) => plain(statusChanged.decode(value!)));
}

/** Dead letters by origin. */
export function deadLetters(world: Observable): Map<string, string> {
  const letters = recordsOf(world, DEAD_LETTER_TOPIC);
  return new Map(letters.map(({ header }) => [header('efs.origin'), header('efs.reason')]));
}

export async function storedMessages(world: Observable): Promise<NonNullable<Observed['messages']>> {
  const { store, partitions, settings } = world;
  const found = new Map<string, ReturnType<typeof statusOf>>();
  const manifest = await store.active();
  if (manifest === null) return found;
  const task = store.snapshot().tasks;
  for (let partition = 0; partition < partitions; partition += 1) {
    const address = { stateId: manifest.stateId, pipeline: 'status' as const, partition };
    const key = [...task.keys()].find((name) => name.includes(`{${manifest.stateId}.s.${partition}}`));
    const hashes = key === undefined ? [] : [...(task.get(key)?.hashes.keys() ?? [])];
    for (const hash of hashes.filter((name) => name.startsWith('m/'))) {
      const { entries } = await store.scan(address, hash, '0');
      for (const [field, value] of entries) {
        const status = statusOf(decodeMessage(value), settings.policy === 'efs' ? 'EFS' : 'RELAY');
        found.set(`${hash.split('/')[1]}/${decodeMessageId(field)}`, status);
      }
    }
  }
  return found;
}

/** The differences between the recount of a world and what its service has published and stored; none where they agree. */
export async function differences(world: Observable): Promise<string[]> {
  const last = new Map(kpiRecords(world).map((each) => [each.deliveryId, each]));
  const deliveries = new Map([...last].map(([id, { policy, kpis }]) => [id, { policy, kpis }]));
  const messages = await storedMessages(world);
  return compare(recountWorld(world), { deliveries, messages, deadLetters: deadLetters(world) });
}

/**
 * What is wrong with the KPI records as a sequence: revisions that do not rise within a generation, links that do not
 * hold, `previous` that is not what was published before, records without a difference, figures that fall though
 * nothing can take messages away.
 */
export function brokenLinks(world: Observable): string[] {
  const before = new Map<string, KpiChanged>();
  return kpiRecords(world).flatMap((each) => {
    const last = before.get(each.deliveryId) ?? null;
    before.set(each.deliveryId, each);
    return linkProblems(each, last).map(
      (what) => `${each.deliveryId} generation ${each.generation} revision ${each.revision}: ${what}`,
    );
  });
}

function linkProblems(each: KpiChanged, last: KpiChanged | null): string[] {
  const problems: string[] = [];
  const sameGeneration = last?.generation === each.generation;
  if (last !== null && each.generation < last.generation) problems.push('the generation falls');
  if (sameGeneration && each.revision <= last.revision) problems.push('the revision does not rise');
  if (each.previousRevision !== (sameGeneration ? last.revision : 0)) problems.push('previousRevision');
  if (!isDeepStrictEqual(each.previous, last?.kpis ?? null))
    problems.push('previous is not what was published before');
  if (last !== null && each.policy === last.policy && isDeepStrictEqual(each.kpis, last.kpis))
    problems.push('no difference');
  if (last !== null && each.kpis.relayed < last.kpis.relayed) problems.push('relayed falls');
  return problems;
}
