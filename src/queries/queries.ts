import type { Clock, Random } from '../base/clock';
import { EfsError } from '../base/errors';
import { iso, MINUTE_MS } from '../base/time';
import { feedbackPeek } from '../feedback/decode';
import { masked, maskedDetail, type Preview, previewOf } from '../feedback/redaction';
import type { SchemaRegistry } from '../avro/registry';
import type { FollowOptions, LogRecord, TopicReader } from '../log/source';
import { DEAD_LETTER_TOPIC, DELIVERY_KPI_TOPIC, INGEST_DEAD_LETTER_TOPIC } from '../feedback/topics';
import type { Store } from '../store/store';
import { cachedFor } from './cached';
import { type Eviction, viewEviction } from './eviction';
import { type DeadLetterView, deadLetterView, type KeptLetter } from './dead-letters';
import { type Feed, type FeedMeter, kpiFeed } from './feed';
import { type Health, type Staleness, stalenessOf } from './health';
import { newestLetters } from './ingest-letters';
import { activeManifest, readKpi, type State } from './lookup';
import { type IngesterAnswer, openSources, type Sources } from './sources';
import { type TaskDeps, type TaskView, viewTasks } from './tasks';
import { deliveryView, type DeliveryView } from './delivery-view';

/*
 * The read model behind API, page and library. It follows the KPI topic and the dead-letter topic and holds the KPIs of
 * all deliveries and the newest dead letters in memory, so both can be shown while Redis is unavailable. Messages and
 * tasks are read from Redis on request.
 */

/** The log that the read model follows; it need not be available yet. */
export interface QueriesLog {
  readonly reader: TopicReader;
  readonly registry: SchemaRegistry;
  readonly topicPrefix: string;
  /** Repeats an attempt until it succeeds, waiting outages out. */
  retry<T>(attempt: () => Promise<T>): Promise<T>;
}

/** What the read model reads from once the service is connected to Redis. */
export interface QueriesState {
  readonly state: State & Pick<Store, 'outboxBytes'>;
  running: TaskDeps['running'];
}

export interface QueriesOptions {
  readonly health: Health;
  readonly clock: Clock;
  /** The clock of the records' timestamps: deliveries are evicted by it. */
  readonly eventClock: Clock;
  readonly random: Random;
  /** Distinguishes this process from others: lower-case letters and digits. */
  readonly instance: string;
  readonly showsRecipients: boolean;
  readonly meter: FeedMeter;
  /** How long a delivery is shown after its last feedback. */
  readonly retentionMs: number;
  /** Asks the ingesters of the settings; absent where there are none. */
  askIngesters?(): Promise<readonly IngesterAnswer[]>;
}

export interface Queries {
  readonly view: DeliveryView;
  readonly feed: Feed;
  readonly deadLetters: DeadLetterView;
  readonly health: Health;
  readonly clock: Clock;
  readonly showsRecipients: boolean;
  /** When the read model was opened, in milliseconds since 1970. */
  readonly openedAt: number;
  /** Follows the topics until the signal aborts. A permanent failure is passed to `onFailed`. */
  follow(log: QueriesLog, signal: AbortSignal, onFailed: (error: unknown) => void): void;
  /** Makes the state available to queries. */
  attach(state: QueriesState): void;
  /** Why the KPIs may be stale; null while they are current. */
  stale(): Staleness | null;
  /** The state. Throws `not-ready` before `attach`, `redis-unavailable` while Redis is known not to answer. */
  state(): State;
  /** Read at most once a second; the last answer is repeated while reading fails. Throws as `state`, `not-found`. */
  tasks(): Promise<{ generation: number; tasks: readonly TaskView[]; at: number }>;
  /** What comes in through the ingesters; cached for seconds. */
  sources(): Promise<Sources>;
  /** A preview of a record's value, of which `value` may be the beginning. `show` masks free text of a record unless recipients are shown. */
  peek(letter: { readonly value: Buffer | null; readonly bytes: number }): Promise<Preview | null>;
  show(text: string): string;
  /** The detail of a dead letter for a reader, likewise. */
  showDetail(letter: Pick<KeptLetter, 'reason' | 'detail'>): string;
}

/** How many of the newest dead letters of each partition are read at the start. */
const LETTERS_READ = 10_000;
/** How long an answer about the tasks is cached. */
const TASKS_FOR_MS = 1_000;
/** How often old deliveries are evicted. */
const EVICTION_MS = MINUTE_MS;
const LOADING = 'still reading the KPI topic';
const NOT_CONNECTED = 'the service is starting: it is not connected to its servers yet';

export function openQueries(options: QueriesOptions): Queries {
  const { health, clock, eventClock, showsRecipients } = options;
  const view = deliveryView();
  const letters = deadLetterView();
  const eviction = viewEviction(view, options.retentionMs);
  const stale = (): Staleness | null => stalenessOf(health.reasons());
  const feed = kpiFeed({ ...options, view, stale });
  let log: QueriesLog | null = null;
  let attached: QueriesState | null = null;
  let peek: ReturnType<typeof feedbackPeek> | null = null;
  let letterReader: ReturnType<typeof newestLetters> | null = null;
  health.set('window', LOADING);

  const connected = (): QueriesLog & QueriesState => {
    if (log === null || attached === null) throw new EfsError('not-ready', NOT_CONNECTED);
    return { ...log, ...attached };
  };
  const state = (): State => {
    const outage = health.reasons().find(({ key }) => key === 'redis');
    if (outage === undefined) return connected().state;
    throw new EfsError('redis-unavailable', `${outage.reason} since ${iso(outage.since)}`);
  };
  const lookUpTasks = async () => {
    const manifest = await activeManifest(state());
    const tasks = await viewTasks({ ...connected(), store: connected().state }, manifest);
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
    follow(own, signal, onFailed) {
      log = own;
      peek = feedbackPeek({ registry: own.registry, clock });
      letterReader = newestLetters(own.reader, own.topicPrefix + INGEST_DEAD_LETTER_TOPIC);
      void feed.run(signal);
      followTopics(own, signal, { view, eviction, letters, health, clock: eventClock }).catch(
        (error: unknown) => {
          if (!signal.aborted) onFailed(error);
        },
      );
    },
    attach: (state) => void (attached = state),
    tasks: cachedFor(TASKS_FOR_MS, clock, lookUpTasks),
    sources: openSources({
      clock,
      ask: options.askIngesters ?? (async () => []),
      letters: async () => {
        if (letterReader === null) throw new EfsError('not-ready', NOT_CONNECTED);
        return letterReader();
      },
    }),
    async peek({ value, bytes }) {
      // Without the registry the bytes are shown.
      const feedback = value === null || peek === null ? null : await peek(value).catch(() => null);
      return previewOf(value, feedback, { showsRecipients, bytes });
    },
    show: (text) => (showsRecipients ? text : masked(text)),
    showDetail: ({ reason, detail }) => (showsRecipients ? detail : maskedDetail(reason, detail)),
  };
}

interface ReadModel {
  readonly view: DeliveryView;
  readonly eviction: Eviction;
  readonly letters: DeadLetterView;
  readonly health: Health;
  readonly clock: Clock;
}

async function followTopics(
  { reader, topicPrefix, retry }: QueriesLog,
  signal: AbortSignal,
  { view, eviction, letters, health, clock }: ReadModel,
): Promise<void> {
  const takeKpi = ({ key, value, timestamp }: LogRecord): void => {
    if (value === null) view.remove(key?.toString('utf8') ?? '');
    const change = readKpi(value);
    if (change !== null && view.take(change)) eviction.published(change.deliveryId, timestamp);
  };
  const onCaughtUp = (): void => {
    eviction.evict(clock.now());
    health.set('window', null);
  };
  void evictRegularly(eviction, clock, signal);
  const follow = async (topic: string, options: FollowOptions, take: typeof takeKpi): Promise<void> => {
    const { ended } = await retry(() => reader.follow(topicPrefix + topic, options, take));
    await ended;
  };
  await Promise.all([
    follow(DELIVERY_KPI_TOPIC, { from: 'beginning', signal, onCaughtUp }, takeKpi),
    follow(DEAD_LETTER_TOPIC, { from: { last: LETTERS_READ }, signal }, letters.take),
  ]);
}

async function evictRegularly(eviction: Eviction, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(EVICTION_MS, signal);
    eviction.evict(clock.now());
  }
}
