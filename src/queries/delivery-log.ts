import { EfsError } from '../base/errors';
import type { DeliveryId } from '../base/ids';
import { iso } from '../base/time';
import type { FailureType, Reason, Status } from '../feedback/records';
import { countingRules } from '../kpi/contribution';
import { KIND, type MessageAggregate, type Outcome, RANK } from '../status/message';
import { statusOf } from '../status/projection';
import { decodeMessage, decodeMessageId } from '../store/codec';
import { messagesHash } from '../store/hashes';
import type { Manifest, Store } from '../store/store';

/** The kinds of feedback that can decide a message. */
export const DECISIONS = [
  'DELIVERED',
  'RETRY_SUCCEEDED',
  'HARD_BOUNCE',
  'ASYNC_BOUNCE',
  'RETRY_FAILED',
  'EXPIRED',
] as const;
export type DecidedBy = (typeof DECISIONS)[number];

/** An entry of the delivery log. Times are ISO 8601. */
export interface LogEntry {
  readonly messageId: string;
  readonly status: Status;
  readonly reason: Reason | null;
  readonly failureType: FailureType | null;
  readonly domainGroup: string;
  readonly relayedAt: string;
  readonly softBouncedAt: string | null;
  readonly decidedAt: string | null;
  readonly decidedBy: DecidedBy | null;
  /** The first complaint. */
  readonly complainedAt: string | null;
}

/** Conditions that entries must fulfil; null is no condition. */
export interface LogFilter {
  readonly status: Status | null;
  readonly reason: Reason | null;
  readonly domainGroup: string | null;
}

export interface LogPage {
  readonly messages: readonly LogEntry[];
  /** Where the next page begins; null on the last page. */
  readonly cursor: string | null;
}

/**
 * Limits of what one page may cost: a page is short, with a cursor, where few of the messages read match the filter.
 * Each round trip waits behind commits in progress, so the number of round trips decides how slow a page is.
 */
const MESSAGES_READ_MAX = 2_000;
const ROUND_TRIPS_MAX = 16;

/**
 * A reader's position in the log: a cursor of the store's scan of one hash, and the last field returned of what the scan
 * gives at that cursor. Fields at a cursor are returned in byte order.
 */
interface Place {
  readonly partition: number;
  readonly bucket: number;
  readonly scan: string;
  readonly after: Buffer | null;
}

const BEGIN: Place = { partition: 0, bucket: 0, scan: '0', after: null };

/**
 * A page of a delivery's log, in no particular order. Every message that exists from the first page to the last is
 * returned at least once; one that was added or changed meanwhile may be missed, or returned as it was.
 * Throws `request-invalid` for an invalid cursor or an unknown domain group; `redis-unavailable`.
 */
export async function readLogPage(
  store: Pick<Store, 'scan'>,
  manifest: Manifest,
  delivery: DeliveryId,
  query: { readonly filter: LogFilter; readonly limit: number; readonly cursor: string | null },
): Promise<LogPage> {
  const { limit } = query;
  const entryOf = entryReader(manifest, query.filter);
  const messages: LogEntry[] = [];
  let place: Place | null = query.cursor === null ? BEGIN : parseCursor(query.cursor, manifest);
  let read = 0;
  const isOver = (trips: number): boolean =>
    messages.length === limit || trips === ROUND_TRIPS_MAX || read >= MESSAGES_READ_MAX;
  for (let trips = 0; place !== null && !isOver(trips); trips++) {
    const { partition, bucket, scan, after } = place;
    const task = { stateId: manifest.stateId, pipeline: 'status', partition } as const;
    const page = await store.scan(task, messagesHash(delivery, bucket), scan);
    for (const [field, value] of page.entries.toSorted(([a], [b]) => a.compare(b))) {
      if (after !== null && field.compare(after) <= 0) continue;
      if (messages.length === limit) return { messages, cursor: showCursor(place, manifest) };
      read += 1;
      const entry = entryOf(field, value);
      if (entry !== null) messages.push(entry);
      place = { ...place, after: field };
    }
    place = following(place, page.cursor, manifest);
  }
  return { messages, cursor: place === null ? null : showCursor(place, manifest) };
}

/** All entries of a delivery's log that match the filter, page by page. */
export async function* readLog(
  store: Pick<Store, 'scan'>,
  manifest: Manifest,
  delivery: DeliveryId,
  filter: LogFilter,
): AsyncGenerator<readonly LogEntry[]> {
  let cursor: string | null = null;
  do {
    const page: LogPage = await readLogPage(store, manifest, delivery, {
      filter,
      limit: MESSAGES_READ_MAX,
      cursor,
    });
    yield page.messages;
    cursor = page.cursor;
  } while (cursor !== null);
}

function following({ partition, bucket }: Place, scan: string, manifest: Manifest): Place | null {
  if (scan !== '0') return { partition, bucket, scan, after: null };
  if (bucket + 1 < manifest.buckets) return { partition, bucket: bucket + 1, scan: '0', after: null };
  if (partition + 1 < manifest.partitions)
    return { partition: partition + 1, bucket: 0, scan: '0', after: null };
  return null;
}

const INVALID_CURSOR = 'invalid cursor';
const CURSOR = /^(\d{1,9})\.(\d{1,5})\.(\d{1,5})\.(\d{1,20})\.([A-Za-z0-9_-]{0,200})$/;

function showCursor({ partition, bucket, scan, after }: Place, { stateId }: Manifest): string {
  return [stateId, partition, bucket, scan, after?.toString('base64url') ?? ''].join('.');
}

function parseCursor(text: string, manifest: Manifest): Place {
  const [, stateId, partition, bucket, scan = '0', after = ''] = CURSOR.exec(text) ?? [];
  const place = { partition: Number(partition), bucket: Number(bucket), scan };
  if (Number(stateId) !== manifest.stateId)
    throw new EfsError(
      'request-invalid',
      stateId === undefined
        ? INVALID_CURSOR
        : `stale cursor: it belongs to state ${stateId}, the active state is ${manifest.stateId}; begin without a cursor`,
    );
  if (place.partition >= manifest.partitions || place.bucket >= manifest.buckets)
    throw new EfsError('request-invalid', INVALID_CURSOR);
  return { ...place, after: after === '' ? null : Buffer.from(after, 'base64url') };
}

/** Reads a stored message as an entry of the log; null where it does not match the filter. */
function entryReader(
  manifest: Manifest,
  filter: LogFilter,
): (field: Buffer, value: Buffer) => LogEntry | null {
  const { groups } = countingRules(manifest);
  const wanted = filter.domainGroup;
  if (wanted !== null && !groups.names.includes(wanted))
    throw new EfsError(
      'request-invalid',
      `domainGroup: unknown; the domain groups are ${groups.names.join(', ')}`,
    );
  return (field, value) => {
    const message = decodeMessage(value);
    const group = groups.nameOf(message.relay.domainGroup);
    const shown = statusOf(message, manifest.defaultPolicy);
    if (filter.status !== null && shown.status !== filter.status) return null;
    if (filter.reason !== null && shown.reason !== filter.reason) return null;
    if (wanted !== null && group !== wanted) return null;
    const { status, reason, failureType } = shown;
    return { messageId: decodeMessageId(field), status, reason, failureType, ...factsOf(message, group) };
  };
}

function factsOf({ relay, softBounce, outcome, complainedAt }: MessageAggregate, domainGroup: string) {
  return {
    domainGroup,
    relayedAt: iso(relay.at),
    softBouncedAt: softBounce === null ? null : iso(softBounce.at),
    decidedAt: outcome === null ? null : iso(outcome.at),
    decidedBy: outcome === null ? null : decidedBy(outcome),
    complainedAt: complainedAt === null ? null : iso(complainedAt),
  };
}

/** The kind of feedback that an outcome is, under the name that the API shows. */
export function decidedBy({ kind, rank }: Pick<Outcome, 'kind' | 'rank'>): DecidedBy {
  switch (kind) {
    case KIND.DELIVERED:
      return 'DELIVERED';
    case KIND.RETRY_SUCCEEDED:
      return 'RETRY_SUCCEEDED';
    case KIND.RETRY_EXPIRED:
      return 'EXPIRED';
    case KIND.RETRY_FAILED:
      return 'RETRY_FAILED';
    case KIND.BOUNCED:
      return rank === RANK.ASYNCHRONOUS ? 'ASYNC_BOUNCE' : 'HARD_BOUNCE';
  }
}
