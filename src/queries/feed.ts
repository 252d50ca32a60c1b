import type { Clock, Random } from '../base/clock';
import type { Staleness } from './health';
import type { Change, KpiView } from './delivery-view';

/*
 * The live feed: KPI changes as server-sent events, to many readers at once.
 *
 * A reader is nothing but a cursor into the view. What it has not heard of is looked up when it can take it, so there is
 * no queue that could grow: a slow reader gets, per delivery, the newest figures only. Readers at the same cursor get
 * the same bytes, which are made once. A round goes through all readers in slices of a few milliseconds, each followed by
 * a rest nine times as long: all readers together cost at most a tenth of the process, and what else it does is held up
 * by no more than a slice. The more readers there are, the less often each of them is told.
 */

/** The receiving end of a reader. */
export interface Outlet {
  /** Takes bytes. False where it wants no more until `drained` is called. */
  write(bytes: Buffer): boolean;
  /** Ends the connection: the reader was too slow, or the feed is over. */
  end(): void;
}

/** What a reader wants. */
export interface Subscription {
  /** One delivery only, or null for all. */
  readonly deliveryId: string | null;
  /** The id of the last event it has seen, or null. */
  readonly lastEventId: string | null;
  /** Whether a reader who has seen nothing is told everything first. */
  readonly snapshot: boolean;
}

export interface Reader {
  /** The outlet can take more. */
  drained(): void;
  /** The outlet is gone. */
  closed(): void;
}

export interface Feed {
  /** Null where there are as many readers as there may be. */
  open(outlet: Outlet, subscription: Subscription): Reader | null;
  /** Tells readers what is new, until the signal aborts; then ends them. */
  run(signal: AbortSignal): Promise<void>;
  readers(): number;
}

/** Who counts what readers get and do not get. */
export interface FeedMeter {
  /** How many there are. */
  readers(count: number): void;
  /** One was dropped because it took nothing for too long. */
  readerDropped(): void;
  /** Changes that a reader was not told, because it was told a newer one of the same delivery. */
  changesSkipped(count: number): void;
}

export interface FeedOptions {
  readonly view: KpiView;
  readonly clock: Clock;
  readonly random: Random;
  /** Tells this process's event ids from another's: letters and digits. */
  readonly instance: string;
  /** Why the figures may be old, or null. */
  stale(): Staleness | null;
  readonly meter: FeedMeter;
  readonly readersMax?: number;
}

const READERS_MAX = 2_000;
const ROUND_MS = 50;
/** The share of the time that rounds may take: one part in ten, and so long at a time. */
const REST = 9;
const SLICE_MS = 4;
/** After so much silence a reader hears that there is nothing to hear; page: stream.js. */
const HEARTBEAT_MS = 5_000;
/** How long a reader may take nothing before it is dropped. */
const STUCK_MS = 30_000;
const CHUNK_CHANGES = 256;
const CHUNK_BYTES = 64 * 1024;
/** Where the connection breaks, readers come back after one to four seconds, not all at once. */
const RETRY_MS = { least: 1_000, more: 3_000 };

interface State extends Reader {
  readonly outlet: Outlet;
  readonly deliveryId: string | null;
  cursor: number;
  /** The staleness last told; undefined before the first. */
  told: string | undefined;
  /** Whether it is to hear first that what follows is everything. */
  resets: boolean;
  greeted: boolean;
  blockedAt: number | null;
  wroteAt: number;
}

interface Chunk {
  readonly bytes: Buffer;
  /** Where a reader stands after it. */
  readonly cursor: number;
  /** Changes on the way there that newer ones have taken the place of. */
  readonly skipped: number;
}

const EVENT_ID = /^([0-9a-z]{1,32})-(\d{1,15})$/;

/** One server-sent event. */
export function eventText(event: string, data: string, id: string | null = null): string {
  return `${id === null ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;
}

export function kpiFeed(options: FeedOptions): Feed {
  const { clock, meter } = options;
  const readers = new Set<State>();
  const context: Context = { ...options, chunks: chunkCache(options.view, options.instance) };

  const attend = (reader: State, stale: string): void => {
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
      if (readers.has(reader)) attend(reader, stale);
    });
  };
  const forget = (reader: State): void => {
    readers.delete(reader);
    meter.readers(readers.size);
  };
  const drop = (reader: State): void => {
    forget(reader);
    reader.outlet.end();
  };

  return {
    open(outlet, subscription) {
      if (readers.size >= (options.readersMax ?? READERS_MAX)) return null;
      const reader: State = {
        outlet,
        deliveryId: subscription.deliveryId,
        ...begin(options, subscription),
        told: undefined,
        greeted: false,
        blockedAt: null,
        wroteAt: clock.monotonic(),
        drained: () => {
          reader.blockedAt = null;
          pump(context, reader, JSON.stringify(options.stale()));
        },
        closed: () => forget(reader),
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

/** Goes through all items with a rest after each slice of time; gives how long the last slice took. */
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
  /** The next changes after a cursor; null where there is none. */
  chunks(cursor: number): Chunk | null;
}

/** Where a subscription begins, and whether it hears first that what follows is everything. */
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

function write({ clock }: Context, reader: State, bytes: Buffer): void {
  const now = clock.monotonic();
  reader.wroteAt = now;
  if (!reader.outlet.write(bytes)) reader.blockedAt = now;
}

function greet(context: Context, reader: State): void {
  const { view, instance, random } = context;
  const retry = RETRY_MS.least + Math.floor(random() * RETRY_MS.more);
  const deliveries = reader.deliveryId === null ? view.deliveries().length : 1;
  const reset = reader.resets ? eventText('reset', JSON.stringify({ deliveries }), `${instance}-0`) : '';
  reader.greeted = true;
  write(context, reader, Buffer.from(`retry: ${retry}\n\n${reset}`));
}

/** Tells a reader what it has not heard, as long as it takes it. */
function pump(context: Context, reader: State, stale: string): void {
  if (!reader.greeted) greet(context, reader);
  while (reader.blockedAt === null) {
    if (reader.told !== stale) {
      reader.told = stale;
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

function nextChunk({ view, instance, chunks }: Context, { deliveryId, cursor }: State): Chunk | null {
  if (deliveryId === null) return chunks(cursor);
  const change = view.last(deliveryId);
  if (change === null || change.sequence <= cursor) return null;
  return { bytes: Buffer.from(changeText(change, instance)), cursor: change.sequence, skipped: 0 };
}

/** An event and no comment: a browser does not show comments to its page. */
const HEARTBEAT = Buffer.from(eventText('heartbeat', '{}'));

function changeText({ deliveryId, sequence, delivery, json }: Change, instance: string): string {
  const id = `${instance}-${sequence}`;
  if (delivery === null) return eventText('removed', JSON.stringify({ deliveryId }), id);
  return eventText('kpi', json(), id);
}

/** The next changes after a cursor as bytes; made once for all who stand there, until something changes. */
function chunkCache(view: KpiView, instance: string): (cursor: number) => Chunk | null {
  const made = new Map<number, Chunk | null>();
  let head = -1;
  const make = (cursor: number): Chunk | null => {
    let text = '';
    let reached = cursor;
    let told = 0;
    for (const change of view.after(cursor, CHUNK_CHANGES)) {
      text += changeText(change, instance);
      reached = change.sequence;
      told += 1;
      if (text.length >= CHUNK_BYTES) break;
    }
    if (text === '') return null;
    // Who has seen nothing misses nothing: it begins.
    const skipped = cursor === 0 ? 0 : reached - cursor - told;
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
