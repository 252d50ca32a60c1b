import type { Clock } from '../../base/clock';
import type { SaidEvent } from './said';

/** Where events of a source go. */
export interface Destination {
  /** Most events of one `send`. */
  readonly eventsMax: number;
  /** Resolves when the events are there. */
  send(events: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** What was sent. */
export interface Sent {
  events: number;
  /** Of these, events without ids. */
  stripped: number;
}

export interface SendOptions {
  readonly destination: Destination;
  /** Events per second; 0 is as fast as possible. */
  readonly rate: number;
  readonly clock: Clock;
  /** Stops after the current batch. */
  readonly signal: AbortSignal;
  onProgress(sent: Sent): void;
}

/** At a given rate a batch has the events that are due in this time. */
const BATCH_INTERVAL_MS = 50;

/** Sends the events in their order, one batch after the other. */
export async function sendEvents(events: Iterable<SaidEvent>, options: SendOptions): Promise<Sent> {
  const { destination, rate, clock, signal } = options;
  const sent: Sent = { events: 0, stripped: 0 };
  const began = clock.monotonic();
  const due = rate === 0 ? Infinity : Math.max(1, Math.round((rate * BATCH_INTERVAL_MS) / 1_000));
  const size = Math.min(destination.eventsMax, due);
  let batch: SaidEvent[] = [];
  const flush = async (): Promise<void> => {
    const wait = rate === 0 ? 0 : began + (sent.events * 1_000) / rate - clock.monotonic();
    if (wait > 0) await clock.sleep(wait, signal);
    await destination.send(batch.map(({ text }) => text));
    sent.events += batch.length;
    sent.stripped += batch.filter(({ isIdentified }) => !isIdentified).length;
    options.onProgress(sent);
    batch = [];
  };
  for (const each of events) {
    if (signal.aborted) return sent;
    batch.push(each);
    if (batch.length >= size) await flush();
  }
  if (batch.length > 0 && !signal.aborted) await flush();
  return sent;
}
