import type { Clock, Random } from '../base/clock';
import { EfsError } from '../base/errors';
import { feedbackPeek } from '../feedback/decode';
import { masked, type Preview, previewOf } from '../feedback/redaction';
import type { SchemaRegistry } from '../avro/registry';
import type { FollowOptions, LogRecord, TopicReader } from '../log/source';
import { DEAD_LETTER_TOPIC, DELIVERY_KPI_TOPIC } from '../feedback/topics';
import type { Store } from '../store/store';
import { ageing, type Ageing } from './ageing';
import { type DeadLetterView, deadLetterView } from './dead-letters';
import { type Feed, type FeedMeter, kpiFeed } from './feed';
import { type Health, type Staleness, stalenessOf } from './health';
import { activeManifest, readKpi, type State } from './lookup';
import { type TaskDeps, type TaskView, viewTasks } from './tasks';
import { kpiView, type KpiView } from './delivery-view';

/*
 * The window: what the service shows. The KPIs of all deliveries and the newest dead letters are followed from the
 * topics and held in memory, so they can be shown while Redis is away; messages and tasks are read when asked for.
 */

/** What the window follows from the start on, whether or not it answers yet. */
export interface QueriesLog {
  readonly reader: TopicReader;
  readonly registry: SchemaRegistry;
  readonly topicPrefix: string;
  /** Runs an attempt until it succeeds, waiting outages out. */
  retry<T>(attempt: () => Promise<T>): Promise<T>;
}

/** What the window can ask once the service has found its Redis. */
export interface QueriesState {
  readonly state: State & Pick<Store, 'outboxBytes'>;
  running: TaskDeps['running'];
}

export interface QueriesOptions {
  readonly health: Health;
  readonly clock: Clock;
  /** The time of day that records are stamped by: deliveries age by it. */
  readonly eventClock: Clock;
  readonly random: Random;
  /** Tells this process from others: lower-case letters and digits. */
  readonly instance: string;
  readonly showsRecipients: boolean;
  readonly meter: FeedMeter;
  /** How long after its last feedback a delivery is shown. */
  readonly retentionMs: number;
}

export interface Queries {
  readonly view: KpiView;
  readonly feed: Feed;
  readonly deadLetters: DeadLetterView;
  readonly health: Health;
  readonly clock: Clock;
  readonly showsRecipients: boolean;
  /** When it was opened, in milliseconds since 1970. */
  readonly openedAt: number;
  /** Begins to follow the topics, until the signal aborts. Gives what went wrong for good to `onFailed`. */
  look(log: QueriesLog, signal: AbortSignal, onFailed: (error: unknown) => void): void;
  /** From now on the state can be asked. */
  found(state: QueriesState): void;
  /** Null while nothing stands in the way of the figures. */
  stale(): Staleness | null;
  /** The state. Throws `not-ready` before it is found, `redis-unavailable` while it is known to be away. */
  state(): State;
  /** Looked up at most once a second. While it cannot be, the last answer again. Throws as `state`, `not-found`. */
  tasks(): Promise<{ generation: number; tasks: readonly TaskView[]; at: number }>;
  /** What a value says; `show` cleans free text of the record as this window may show it. */
  peek(value: Buffer | null): Promise<Preview | null>;
  show(text: string): string;
}

/** The newest dead letters of each partition that are read at the start. */
const LETTERS_READ = 10_000;
const TASKS_FOR_MS = 1_000;
/** How often it is looked for deliveries that have grown old. */
const AGEING_MS = 60_000;
const LOADING = 'the window is still reading the KPI topic';

export function openQueries(options: QueriesOptions): Queries {
  const { health, clock, eventClock, showsRecipients } = options;
  const view = kpiView();
  const letters = deadLetterView();
  const ages = ageing(view, options.retentionMs);
  const stale = (): Staleness | null => stalenessOf(health.standing());
  const feed = kpiFeed({ ...options, view, stale });
  let log: QueriesLog | null = null;
  let found: QueriesState | null = null;
  let peek: ReturnType<typeof feedbackPeek> | null = null;
  health.set('window', LOADING);

  const known = (): QueriesLog & QueriesState => {
    if (log === null || found === null)
      throw new EfsError('not-ready', 'the service is starting: it has not found its servers yet');
    return { ...log, ...found };
  };
  const state = (): State => {
    const away = health.standing().find(({ key }) => key === 'redis');
    if (away === undefined) return known().state;
    const since = new Date(away.since).toISOString();
    throw new EfsError('redis-unavailable', `${away.reason} since ${since}`);
  };
  const lookUpTasks = async () => {
    const manifest = await activeManifest(state());
    const tasks = await viewTasks({ ...known(), store: known().state }, manifest);
    return { generation: manifest.stateId, tasks, at: clock.now() };
  };

  return {
    view,
    feed,
    deadLetters: letters,
    health,
    clock,
    showsRecipients,
    openedAt: clock.now(),
    stale,
    state,
    look(own, signal, onFailed) {
      log = own;
      peek = feedbackPeek({ registry: own.registry, clock });
      void feed.run(signal);
      followTopics(own, signal, { view, ages, letters, health, clock: eventClock }).catch(
        (error: unknown) => {
          if (!signal.aborted) onFailed(error);
        },
      );
    },
    found: (state) => void (found = state),
    tasks: keptFor(TASKS_FOR_MS, clock, lookUpTasks),
    async peek(value) {
      // A registry that is away is no reason not to show the bytes.
      const feedback = value === null || peek === null ? null : await peek(value).catch(() => null);
      return previewOf(value, feedback, { showsRecipients });
    },
    show: (text) => (showsRecipients ? text : masked(text)),
  };
}

interface Followed {
  readonly view: KpiView;
  readonly ages: Ageing;
  readonly letters: DeadLetterView;
  readonly health: Health;
  readonly clock: Clock;
}

async function followTopics(
  { reader, topicPrefix, retry }: QueriesLog,
  signal: AbortSignal,
  { view, ages, letters, health, clock }: Followed,
): Promise<void> {
  const takeKpi = ({ key, value, timestamp }: LogRecord): void => {
    if (value === null) view.remove(key?.toString('utf8') ?? '');
    const change = readKpi(value);
    if (change !== null && view.take(change)) ages.heard(change.deliveryId, timestamp);
  };
  const onCaughtUp = (): void => {
    ages.letGo(clock.now());
    health.set('window', null);
  };
  void letAge(ages, clock, signal);
  const follow = async (topic: string, options: FollowOptions, take: typeof takeKpi): Promise<void> => {
    const { ended } = await retry(() => reader.follow(topicPrefix + topic, options, take));
    await ended;
  };
  await Promise.all([
    follow(DELIVERY_KPI_TOPIC, { from: 'beginning', signal, onCaughtUp }, takeKpi),
    follow(DEAD_LETTER_TOPIC, { from: { last: LETTERS_READ }, signal }, letters.take),
  ]);
}

async function letAge(ages: Ageing, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(AGEING_MS, signal);
    ages.letGo(clock.now());
  }
}

/** Asks at most once in `forMs`, however many want to know; where asking fails, the last answer stands. */
function keptFor<T>(forMs: number, clock: Clock, ask: () => Promise<T>): () => Promise<T> {
  let last: { readonly answer: T; readonly at: number } | null = null;
  let asking: Promise<T> | null = null;
  return async () => {
    if (last !== null && clock.monotonic() - last.at < forMs) return last.answer;
    asking ??= ask().finally(() => (asking = null));
    try {
      const answer = await asking;
      last = { answer, at: clock.monotonic() };
      return answer;
    } catch (error) {
      if (last === null) throw error;
      return last.answer;
    }
  };
}
