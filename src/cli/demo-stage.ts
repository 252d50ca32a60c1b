import { type Clock, fastClock, systemClock } from '../base/clock';
import type { Config } from '../settings/table';
import type { Log } from '../base/log';
import { scenario } from '../simulation/scenario';
import { ORDINARY_TRAFFIC, type TrafficRecord, untidied } from '../simulation/traffic';
import { keepDemo, readDemo, trimLog } from './demo-data';
import { type Embedded, type EmbeddedInMemory, embedInMemory, embedOnServers } from '../app/embed';
import { outgoing } from '../simulation/produce';

/** What is shown: the campaigns of a seed, and how untidily they are told. */
export interface Play {
  readonly seed: number;
  /** Shares of records that come twice, and of records that must be set aside. */
  readonly duplicates: number;
  readonly poison: number;
}

/** A running demo: the service, and the time in which its campaigns live. */
export interface Stage<Service extends Embedded = Embedded> {
  readonly embedded: Service;
  readonly clock: Clock;
  /** When the first campaign began. */
  readonly startAt: number;
  /** What happened until then has been told. */
  toldUntil: number;
  /** Done now and then, and at the end. */
  tidy(toldUntil: number): Promise<void>;
}

/** How often what has happened is told. */
const TICK_MS = 50;
/** When the demo's first campaign begins: any Monday morning. */
const START_AT = Date.UTC(2026, 0, 5, 8);
/** How often the log is trimmed, and the state kept where it is to be. */
const TIDY_MS = 20_000;

/**
 * The demo on a log and a store of its own, on the clock that is made for the moment at which it begins: the first, or where
 * what `data` holds was left.
 */
export async function stageInMemory(
  { seed, data }: { readonly seed: number; readonly data?: string },
  config: Config,
  clockFrom: (startAt: number) => Clock,
): Promise<Stage<EmbeddedInMemory>> {
  const kept = data === undefined ? null : await readDemo(data, seed);
  const toldUntil = kept?.toldUntil ?? START_AT - 1;
  const clock = clockFrom(toldUntil);
  const own = { ...config, partitions: 4, topicPrefix: '' };
  const embedded = await embedInMemory(own, { clock }, kept?.state);
  const tidy = async (until: number): Promise<void> => {
    trimLog(embedded.log);
    if (data === undefined) return;
    const state = { log: embedded.log.snapshot(), store: embedded.store.snapshot() };
    await keepDemo(data, { seed, toldUntil: until, state });
  };
  return { embedded, clock, startAt: START_AT, toldUntil, tidy };
}

/**
 * The demo on real servers that are set up. Its campaigns begin now, and live `speed` times as fast. `log` gets what
 * is waited for.
 */
export async function stageOnServers(config: Config, speed: number, log: Log): Promise<Stage> {
  const startAt = systemClock.now();
  const clock = fastClock(systemClock, { startAt, speed });
  const embedded = await embedOnServers(config, { clock, log });
  return { embedded, clock, startAt, toldUntil: startAt - 1, tidy: async () => undefined };
}

/** Tells the feedback of the campaigns when its time has come, until the signal aborts. */
export async function tell(stage: Stage, play: Play, signal: AbortSignal): Promise<void> {
  const { embedded, clock, startAt } = stage;
  const events = scenario({ seed: play.seed, startAt, after: stage.toldUntil });
  const untidiness = { ...play, disorder: 0, limits: ORDINARY_TRAFFIC.limits };
  const records = untidied(events, untidiness, embedded.encode);
  let next = records.next().value as TrafficRecord;
  let tidied = clock.monotonic();
  while (!signal.aborted) {
    const now = clock.now();
    const due: TrafficRecord[] = [];
    for (; (next.feedback?.occurredAt ?? 0) <= now; next = records.next().value as TrafficRecord)
      due.push(next);
    if (due.length > 0) await embedded.sink.emit(due.map((each) => outgoing(each, embedded.partitions)));
    stage.toldUntil = now;
    if (clock.monotonic() - tidied > TIDY_MS) {
      await stage.tidy(now);
      tidied = clock.monotonic();
    }
    await clock.sleep(TICK_MS, signal);
  }
}
