import { type Clock, fastClock, systemClock } from '../base/clock';
import type { Config } from '../settings/table';
import type { Log } from '../base/log';
import { scenario } from '../simulation/scenario';
import type { TrafficRecord } from '../simulation/record';
import { ORDINARY_TRAFFIC, withFaults } from '../simulation/traffic';
import { partlyIngested } from './demo-ingested';
import { readDemo, saveDemo, trimLog } from './demo-data';
import { type Embedded, type EmbeddedInMemory, embedInMemory, embedOnServers } from '../app/embed';
import { outgoing } from '../simulation/produce';

/** The traffic of a demo: the campaigns of a seed, and the share of faulty records. */
export interface DemoTraffic {
  readonly seed: number;
  /** Shares of records that are sent twice, and of records that are dead-lettered. */
  readonly duplicates: number;
  readonly poison: number;
}

/** A running demo: the service, and the clock of its campaigns. */
export interface Demo<Service extends Embedded = Embedded> {
  readonly embedded: Service;
  readonly clock: Clock;
  /** When the first campaign began. */
  readonly startAt: number;
  /** Feedback up to this time has been emitted. */
  emittedUntil: number;
  /** Trims the log and saves the state; called regularly and at the end. */
  maintain(emittedUntil: number): Promise<void>;
}

/** How often due feedback is emitted. */
const TICK_MS = 50;
/** When the demo's first campaign begins: any Monday morning. */
const START_AT = Date.UTC(2026, 0, 5, 8);
/** How often the log is trimmed and the state saved. */
const MAINTENANCE_MS = 20_000;

/**
 * The demo on a log and a store in memory. `clockFrom` makes its clock for the time at which it begins: that of the
 * first campaign, or that of the demo saved in `data`.
 */
export async function demoInMemory(
  { seed, data }: { readonly seed: number; readonly data?: string },
  config: Config,
  clockFrom: (startAt: number) => Clock,
): Promise<Demo<EmbeddedInMemory>> {
  const saved = data === undefined ? null : await readDemo(data, seed);
  const emittedUntil = saved?.toldUntil ?? START_AT - 1;
  const clock = clockFrom(emittedUntil);
  const own = { ...config, partitions: 4, topicPrefix: '' };
  const embedded = await embedInMemory(own, { clock }, saved?.state);
  const maintain = async (until: number): Promise<void> => {
    trimLog(embedded.log);
    if (data === undefined) return;
    const state = { log: embedded.log.snapshot(), store: embedded.store.snapshot() };
    await saveDemo(data, { seed, toldUntil: until, state });
  };
  return { embedded, clock, startAt: START_AT, emittedUntil, maintain };
}

/**
 * The demo on real servers that are set up. Its campaigns begin now and run `speed` times as fast. `log` gets outages.
 */
export async function demoOnServers(config: Config, speed: number, log: Log): Promise<Demo> {
  const startAt = systemClock.now();
  const clock = fastClock(systemClock, { startAt, speed });
  const embedded = await embedOnServers(config, { clock, log });
  return { embedded, clock, startAt, emittedUntil: startAt - 1, maintain: async () => undefined };
}

/** Emits the feedback of the campaigns when it is due, until the signal aborts. */
export async function emitCampaigns(
  demo: Demo,
  demoTraffic: DemoTraffic,
  signal: AbortSignal,
): Promise<void> {
  const { embedded, clock, startAt } = demo;
  const events = partlyIngested(scenario({ seed: demoTraffic.seed, startAt, after: demo.emittedUntil }));
  const faults = { ...demoTraffic, disorder: 0, limits: ORDINARY_TRAFFIC.limits };
  const records = withFaults(events, faults, embedded.encode);
  let next = records.next().value as TrafficRecord;
  let maintainedAt = clock.monotonic();
  while (!signal.aborted) {
    const now = clock.now();
    const due: TrafficRecord[] = [];
    for (; (next.feedback?.occurredAt ?? 0) <= now; next = records.next().value as TrafficRecord)
      due.push(next);
    if (due.length > 0) await embedded.sink.emit(due.map((each) => outgoing(each, embedded.partitions)));
    demo.emittedUntil = now;
    if (clock.monotonic() - maintainedAt > MAINTENANCE_MS) {
      await demo.maintain(now);
      maintainedAt = clock.monotonic();
    }
    await clock.sleep(TICK_MS, signal);
  }
}
