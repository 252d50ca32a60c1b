import { DEAD_LETTER_TOPIC, DELIVERY_KPI_TOPIC, FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { Contribution, KpiChanged } from '../../src/kpi/encode';
import { statusOf } from '../../src/status/projection';
import { decodeMessage, decodeMessageId } from '../../src/store/codec';
import { CONTRIBUTIONS_HASH, messagesHash, SUMS_HASH } from '../../src/store/hashes';
import type { Manifest, TaskAddress } from '../../src/store/store';
import { compare, type Observed } from '../recount/compare';
import { DEFAULT_GROUPS, recount, type Recount } from '../recount/recount';
import { statusProblems } from './published-statuses';
import { type Held, heldBy, schemasOf, valueReader } from './read-back';
import type { Stage } from './stage';

/** A dead letter and its record agree byte for byte; added headers follow the record's own. */
const ADDED_HEADERS = 7;

/** Everything that must have been published, counted from the inputs. */
async function expected(stage: Stage, inputs: readonly Held[]): Promise<Recount> {
  return recount(inputs, await schemasOf(stage), {
    defaultPolicy: 'EFS',
    groups: DEFAULT_GROUPS,
    partitions: stage.partitions,
    partitioner: 'murmur2',
  });
}

/** The records of the KPI topic by delivery, in the order of the log. */
export async function kpiHistory(
  stage: Stage,
): Promise<Map<string, { bytes: Buffer; change: KpiChanged }[]>> {
  const read = valueReader(await schemasOf(stage), 'kpi-changed');
  const histories = new Map<string, { bytes: Buffer; change: KpiChanged }[]>();
  for (const { key, value } of await heldBy(stage, DELIVERY_KPI_TOPIC)) {
    const id = String(key);
    const bytes = value ?? Buffer.alloc(0);
    histories.set(id, [...(histories.get(id) ?? []), { bytes, change: read(bytes) as KpiChanged }]);
  }
  return histories;
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

/** What is wrong with one record of a delivery after the one before it. */
function brokenLink(each: KpiChanged, last: KpiChanged | null): string[] {
  const sameGeneration = last?.generation === each.generation;
  const problems: string[] = [];
  if (last !== null && each.generation < last.generation) problems.push('the generation falls');
  if (sameGeneration && each.revision <= last.revision)
    problems.push(`the revision falls from ${last.revision}`);
  const link = sameGeneration ? last.revision : 0;
  if (each.previousRevision !== link) problems.push(`previousRevision ${each.previousRevision}, not ${link}`);
  if (canonical(each.previous) !== canonical(last?.kpis ?? null))
    problems.push('previous is not the record before');
  if (last !== null && canonical([each.policy, each.kpis]) === canonical([last.policy, last.kpis])) {
    problems.push('no difference');
  }
  if (last !== null && each.kpis.relayed < last.kpis.relayed) problems.push('relayed falls');
  return problems.map(
    (what) => `delivery ${each.deliveryId} generation ${each.generation} revision ${each.revision}: ${what}`,
  );
}

/** What is wrong with the KPI records as a sequence, except for the same bytes twice in a row. */
export function brokenChains(histories: Awaited<ReturnType<typeof kpiHistory>>): string[] {
  return [...histories.values()].flatMap((history) => {
    const once = history.filter(({ bytes }, index) => history[index - 1]?.bytes.equals(bytes) !== true);
    return once.flatMap(({ change }, index) => brokenLink(change, once[index - 1]?.change ?? null));
  });
}

/** The last record of each delivery: as a reader of the compacted topic sees it, or the one of the highest revision. */
export function lastOf(
  histories: Awaited<ReturnType<typeof kpiHistory>>,
  by: 'log' | 'revision',
): NonNullable<Observed['deliveries']> {
  const last = new Map<string, { policy: string; kpis: object }>();
  for (const [id, history] of histories) {
    const changes = history.map(({ change }) => change);
    if (by === 'revision') changes.sort((a, b) => a.generation - b.generation || a.revision - b.revision);
    const { policy, kpis } = changes.at(-1) as KpiChanged;
    last.set(id, { policy, kpis });
  }
  return last;
}

/** What is wrong with dead letters beyond their reasons; and the reasons by origin. */
function letterProblems(
  letters: readonly Held[],
  inputs: ReadonlyMap<string, Held>,
  prefix: string,
): { reasons: Map<string, string>; problems: string[] } {
  const reasons = new Map<string, string>();
  const first = new Map<string, string>();
  const problems: string[] = [];
  const show = (part: Buffer | null): string => (part === null ? 'null' : part.toString('base64'));
  const all = (parts: Held['headers']): string[] =>
    parts.map(({ name, value }) => `${show(name)}=${show(value)}`);
  for (const letter of letters) {
    const added = letter.headers.slice(-ADDED_HEADERS);
    const header = (wanted: string): string =>
      String(added.find(({ name }) => String(name) === wanted)?.value ?? '');
    const origin = header('efs.origin');
    const plainOrigin = origin.replace(prefix, '');
    const source = inputs.get(plainOrigin);
    reasons.set(plainOrigin, header('efs.reason'));
    const content = (of: Held): string =>
      [show(of.key), show(of.value), of.partition, of.timestamp].join(' ');
    const whole = `${content(letter)} ${all(letter.headers).join(' ')}`;
    if (first.has(origin) && first.get(origin) !== whole)
      problems.push(`dead letter ${origin}: twice, and changed`);
    first.set(origin, whole);
    if (source === undefined) problems.push(`dead letter ${origin}: of no record`);
    else if (content(source) !== content(letter))
      problems.push(`dead letter ${origin}: key or value is another`);
    else if (all(source.headers).join() !== all(letter.headers.slice(0, -ADDED_HEADERS)).join()) {
      problems.push(`dead letter ${origin}: its record's headers are not in front`);
    }
    const connect = ['topic', 'partition', 'offset']
      .map((part) => header(`__connect.errors.${part}`))
      .join('/');
    if (connect !== origin) problems.push(`dead letter ${origin}: Connect's headers say ${connect}`);
  }
  return { reasons, problems };
}

async function scanned(stage: Stage, task: TaskAddress, hash: string): Promise<Map<string, Buffer>> {
  const entries = new Map<string, Buffer>();
  let cursor = '0';
  do {
    const page = await stage.store.scan(task, hash, cursor);
    for (const [field, value] of page.entries) entries.set(field.toString('latin1'), value);
    cursor = page.cursor;
  } while (cursor !== '0');
  return entries;
}

/** Status, reason and type of every message that the state holds. */
async function keptMessages(stage: Stage, { stateId, buckets }: Manifest) {
  const found = new Map<string, ReturnType<typeof statusOf>>();
  for (let partition = 0; partition < stage.partitions; partition += 1) {
    const task: TaskAddress = { stateId, pipeline: 'status', partition };
    for (const id of (await scanned(stage, task, CONTRIBUTIONS_HASH)).keys()) {
      const delivery = Buffer.from(id, 'latin1').toString();
      for (let bucket = 0; bucket < buckets; bucket += 1) {
        const messages = await scanned(stage, task, messagesHash(delivery as never, bucket));
        for (const [field, value] of messages) {
          const message = decodeMessageId(Buffer.from(field, 'latin1'));
          found.set(`${delivery}/${message}`, statusOf(decodeMessage(value), 'EFS'));
        }
      }
    }
  }
  return found;
}

/** How many records the state has folded of each delivery: repeats count, so a fold too many shows here. */
async function foldedCounts(stage: Stage, { stateId }: Manifest, schemas: ReadonlyMap<number, string>) {
  const read = valueReader(schemas, 'contribution');
  const counts = new Map<string, { revision: number; asOf: number }>();
  for (let partition = 0; partition < stage.partitions; partition += 1) {
    const sums = await scanned(stage, { stateId, pipeline: 'kpi', partition }, SUMS_HASH);
    for (const [id, bytes] of sums) {
      const { revision, asOf } = read(bytes) as Contribution;
      counts.set(Buffer.from(id, 'latin1').toString(), { revision, asOf });
    }
  }
  return counts;
}

export interface Verdict {
  /** Everything that is wrong, one line each. */
  readonly problems: string[];
  readonly records: number;
  readonly messages: number;
  readonly deadLetters: number;
  readonly kpiChanges: number;
  /** KPI records and dead letters that came twice, byte for byte. */
  readonly repeated: number;
}

/** Compares everything that the service has published and stored with the recount of its inputs. */
export async function verdict(stage: Stage): Promise<Verdict> {
  // Not spread into a call: a failover run has more records than the stack takes arguments.
  const inputs: Held[] = [];
  for (const { topic } of FEEDBACK_TOPICS) for (const held of await heldBy(stage, topic)) inputs.push(held);
  const counted = await expected(stage, inputs);
  const manifest = await stage.store.active();
  if (manifest === null) throw new Error('the state is empty');
  const histories = await kpiHistory(stage);
  const letters = await heldBy(stage, DEAD_LETTER_TOPIC);
  const byOrigin = new Map(inputs.map((each) => [`${each.topic}/${each.partition}/${each.offset}`, each]));
  const { reasons, problems } = letterProblems(letters, byOrigin, stage.prefix);
  const messages = await keptMessages(stage, manifest);
  const sums = await foldedCounts(stage, manifest, await schemasOf(stage));
  const statuses = await statusProblems(stage, counted);
  const changes = [...histories.values()].flat();
  for (const [id, { revision, asOf }] of counted.deliveries) {
    const kept = sums.get(id);
    if (kept?.revision === revision && kept.asOf === asOf) continue;
    problems.push(`delivery ${id} folded: recounted ${revision} to ${asOf}, found ${JSON.stringify(kept)}`);
  }
  problems.push(
    ...compare(counted, { deliveries: lastOf(histories, 'log'), messages, deadLetters: reasons }),
    ...compare(counted, { deliveries: lastOf(histories, 'revision') }).map((each) => `by revision: ${each}`),
    ...brokenChains(histories),
    ...statuses,
  );
  const links = new Set(
    [...histories].flatMap(([id, all]) => all.map(({ bytes }) => id + bytes.toString('base64'))),
  );
  return {
    problems,
    records: inputs.length,
    messages: counted.messages.size,
    deadLetters: counted.deadLetters.size,
    kpiChanges: changes.length,
    repeated: changes.length - links.size + letters.length - reasons.size,
  };
}
