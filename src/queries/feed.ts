import type { Clock, Random } from '../base/clock';
import type { Staleness } from './health';
import type { Change, DeliveryView } from './delivery-view';

/*
 * The live feed: KPI changes as server-sent events, to many readers at once.
 *
 * A reader is only a cursor into the delivery view. Its next changes are looked up when its outlet can take them, so no
 * queue can grow: a slow reader gets only the newest KPIs of each delivery. Readers at the same cursor share the same
 * bytes, which are serialized once. A round serves all readers in slices of a few milliseconds, each followed by a pause
 * nine times as long: all readers together take at most a tenth of the process, and they delay its other work by no more
 * than a slice. The more readers there are, the less often each of them is served.
 */

/** The receiving end of a reader. */
export interface Outlet {
  /** Takes bytes. False where it wants no more until `drained` is called. */
  write(bytes: Buffer): boolean;
  /** Ends the connection: the reader was too slow, or the feed is over. */
  end(): void;
}

/** What a reader subscribes to. */
export interface Subscription {
  /** One delivery only, or null for all. */
  readonly deliveryId: string | null;
  /** The id of the last event it has received, or null. */
  readonly lastEventId: string | null;
  /** Whether a reader without a last event gets every delivery first. */
  readonly snapshot: boolean;
}

export interface Reader {
  /** The outlet can take more. */
  drained(): void;
  /** The outlet is gone. */
  closed(): void;
}

export interface Feed {
  /** Null where the maximum number of readers is reached. */
  open(outlet: Outlet, subscription: Subscription): Reader | null;
  /** Sends changes to readers until the signal aborts, then ends them. */
  run(signal: AbortSignal): Promise<void>;
  readers(): number;
}

/** Counts readers and the changes they skip. */
export interface FeedMeter {
  /** How many readers are open. */
  readers(count: number): void;
  /** A reader was dropped because it took nothing for too long. */
  readerDropped(): void;
  /** Changes that were not sent to a reader because it got a newer one of the same delivery. */
  changesSkipped(count: number): void;
}

export interface FeedOptions {
  readonly view: DeliveryView;
  readonly clock: Clock;
  readonly random: Random;
  /** Distinguishes this process's event ids from another's: letters and digits. */
  readonly instance: string;
  /** Why the KPIs may be stale, or null. */
  stale(): Staleness | null;
  readonly meter: FeedMeter;
  readonly readersMax?: number;
}

/** Live streams of a process, unless the options say otherwise. */
export const READERS_MAX = 2_000;
const ROUND_MS = 50;
/** A pause is this many times as long as the slice before it, so rounds take at most a tenth of the time. */
const REST = 9;
/** The longest time for which readers are served without a pause. */
const SLICE_MS = 4;
/** A reader to which nothing was written for this long gets a heartbeat; the page's counterpart: stream.js. */
const HEARTBEAT_MS = 5_000;
/** A reader that takes nothing for this long is dropped. */
const STUCK_MS = 30_000;
const CHUNK_CHANGES = 256;
const CHUNK_BYTES = 64 * 1024;
/** After a broken connection readers reconnect within one to four seconds, not all at once. */
const RETRY_MS = { least: 1_000, more: 3_000 };

interface ReaderState extends Reader {
  readonly outlet: Outlet;
  readonly deliveryId: string | null;
  cursor: number;
  /** The staleness last sent, as JSON; undefined before the first. */
  sentStaleness: string | undefined;
  /** Whether it gets a `reset` event first: every delivery follows. */
  resets: boolean;
  hasPreamble: boolean;
  blockedAt: number | null;
  wroteAt: number;
}

interface Chunk {
  readonly bytes: Buffer;
  /** The reader's cursor after it. */
  readonly cursor: number;
  /** Changes up to there that newer ones have replaced. */
  readonly skipped: number;
}

const EVENT_ID = /^([0-9a-z]{1,32})-(\d{1,15})$/;

/** One server-sent event. */
export function eventText(event: string, data: string, id: string | null = null): string {
  return `${id === null ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;
}

export function kpiFeed(options: FeedOptions): Feed {
  const { clock, meter } = options;
  const readers = new Set<ReaderState>();
  const context: Context = { ...options, chunks: chunkCache(options.view, options.instance) };

  const serve = (reader: ReaderState, stale: string): void => {
    const now = clock.monotonic();
    if (reader.blockedAt === null) {
      pump(context, reader, stale);
      if (reader.blockedAt === null && now - reader.wroteAt >= HEARTBEAT_MS)
        write(context, reader, HEARTBEAT);
    } else if (now - reader.blockedAt >= STUCK_MS) {
      meter.readerDropped();
      drop(reader);
    }
  };
  const round = (signal: AbortSignal): Promise<number> => {
    const stale = JSON.stringify(options.stale());
    return inSlices(clock, signal, [...readers], (reader) => {
      if (readers.has(reader)) serve(reader, stale);
    });
  };
  const remove = (reader: ReaderState): void => {
    readers.delete(reader);
    meter.readers(readers.size);
  };
  const drop = (reader: ReaderState): void => {
    remove(reader);
    reader.outlet.end();
  };

  return {
    open(outlet, subscription) {
      if (readers.size >= (options.readersMax ?? READERS_MAX)) return null;
      const reader: ReaderState = {
        outlet,
        deliveryId: subscription.deliveryId,
        ...begin(options, subscription),
        sentStaleness: undefined,
        hasPreamble: false,
        blockedAt: null,
        wroteAt: clock.monotonic(),
        drained: () => {
          reader.blockedAt = null;
          pump(context, reader, JSON.stringify(options.stale()));
        },
        closed: () => remove(reader),
      };
      readers.add(reader);
      meter.readers(readers.size);
      return reader;
    },
    async run(signal) {
      for (let rest = ROUND_MS; !signal.aborted;) {
        await clock.sleep(rest, signal);
        rest = Math.max(ROUND_MS, (await round(signal)) * REST);
      }
      for (const reader of readers) drop(reader);
    },
    readers: () => readers.size,
  };
}

/** Acts on all items, with a pause after each slice of time; returns the duration of the last slice. */
async function inSlices<Item>(
  clock: Clock,
  signal: AbortSignal,
  items: readonly Item[],
  act: (item: Item) => void,
): Promise<number> {
  let began = clock.monotonic();
  for (const item of items) {
    const took = clock.monotonic() - began;
    if (took >= SLICE_MS) {
      await clock.sleep(took * REST, signal);
      began = clock.monotonic();
    }
    if (signal.aborted) break;
    act(item);
  }
  return clock.monotonic() - began;
}

interface Context extends FeedOptions {
  /** The next changes after a cursor; null where there are none. */
  chunks(cursor: number): Chunk | null;
}

/** The cursor at which a subscription begins, and whether a `reset` event comes first. */
function begin(
  { view, instance }: FeedOptions,
  { lastEventId, snapshot }: Subscription,
): { cursor: number; resets: boolean } {
  const [, of, sequence] = EVENT_ID.exec(lastEventId ?? '') ?? [];
  const cursor = Number(sequence);
  const resumes = of === instance && cursor > 0 && cursor <= view.head() && cursor >= view.floor();
  if (resumes) return { cursor, resets: false };
  const all = lastEventId !== null || snapshot;
  return all ? { cursor: 0, resets: true } : { cursor: view.head(), resets: false };
}

function write({ clock }: Context, reader: ReaderState, bytes: Buffer): void {
  const now = clock.monotonic();
  reader.wroteAt = now;
  if (!reader.outlet.write(bytes)) reader.blockedAt = now;
}

/** Writes the retry interval and, where needed, the `reset` event. */
function writePreamble(context: Context, reader: ReaderState): void {
  const { view, instance, random } = context;
  const retry = RETRY_MS.least + Math.floor(random() * RETRY_MS.more);
  const deliveries = reader.deliveryId === null ? view.deliveries().length : 1;
  const reset = reader.resets ? eventText('reset', JSON.stringify({ deliveries }), `${instance}-0`) : '';
  reader.hasPreamble = true;
  write(context, reader, Buffer.from(`retry: ${retry}\n\n${reset}`));
}

/** Sends a reader the changes after its cursor, as long as its outlet takes them. */
function pump(context: Context, reader: ReaderState, stale: string): void {
  if (!reader.hasPreamble) writePreamble(context, reader);
  while (reader.blockedAt === null) {
    if (reader.sentStaleness !== stale) {
      reader.sentStaleness = stale;
      write(context, reader, Buffer.from(eventText('stale', stale)));
      continue;
    }
    const chunk = nextChunk(context, reader);
    if (chunk === null) return;
    reader.cursor = chunk.cursor;
    if (chunk.skipped > 0) context.meter.changesSkipped(chunk.skipped);
    write(context, reader, chunk.bytes);
  }
}

function nextChunk({ view, instance, chunks }: Context, { deliveryId, cursor }: ReaderState): Chunk | null {
  if (deliveryId === null) return chunks(cursor);
  const change = view.last(deliveryId);
  if (change === null || change.sequence <= cursor) return null;
  return { bytes: Buffer.from(changeText(change, instance)), cursor: change.sequence, skipped: 0 };
}

/** An event, not a comment: a browser does not pass comments on to its page. */
const HEARTBEAT = Buffer.from(eventText('heartbeat', '{}'));

function changeText({ deliveryId, sequence, delivery, json }: Change, instance: string): string {
  const id = `${instance}-${sequence}`;
  if (delivery === null) return eventText('removed', JSON.stringify({ deliveryId }), id);
  return eventText('kpi', json(), id);
}

/** The next changes after a cursor as bytes; serialized once for all readers at that cursor, until something changes. */
function chunkCache(view: DeliveryView, instance: string): (cursor: number) => Chunk | null {
  const made = new Map<number, Chunk | null>();
  let head = -1;
  const make = (cursor: number): Chunk | null => {
    let text = '';
    let reached = cursor;
    let sent = 0;
    for (const change of view.after(cursor, CHUNK_CHANGES)) {
      text += changeText(change, instance);
      reached = change.sequence;
      sent += 1;
      if (text.length >= CHUNK_BYTES) break;
    }
    if (text === '') return null;
    // A reader at cursor 0 begins here, so it skips nothing.
    const skipped = cursor === 0 ? 0 : reached - cursor - sent;
    return { bytes: Buffer.from(text), cursor: reached, skipped };
  };
  return (cursor) => {
    if (head !== view.head()) made.clear();
    head = view.head();
    let chunk = made.get(cursor);
    if (chunk === undefined) made.set(cursor, (chunk = make(cursor)));
    return chunk;
  };
}
