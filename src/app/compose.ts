import { type Clock, type Random, systemClock, systemRandom } from '../base/clock';
import type { Config } from '../settings/table';
import type { Log } from '../base/log';
import type { RetryOutcome } from '../feedback/records';
import { contributionDecoder, feedbackDecoder } from '../feedback/decode';
import type { SchemaRegistry } from '../avro/registry';
import { SCHEMAS, type WrittenIds } from '../feedback/schemas';
import type { CommittedOffset, Source, TopicReader } from '../log/source';
import {
  CONTRIBUTIONS_TOPIC,
  DELIVERY_KPI_TOPIC,
  FEEDBACK_TOPICS,
  RETIRED_TOPIC,
  TOPICS_OF,
} from '../feedback/topics';
import { domainGroups } from '../kpi/domains';
import { type Contribution, type KpiChanged, type MessageStatusChanged, wireType } from '../kpi/encode';
import type { TransactionalSinks, Sink } from '../log/sink';
import { messageCache } from '../pipeline/message-cache';
import { type Strangers, watchStrangers } from '../tasks/strangers';
import { allocateStateId } from '../generations/allocate';
import type { GenerationDeps } from '../generations/generation';
import { registryWithRetry } from '../tasks/retrying';
import type { WireTypes } from '../tasks/owned-task';
import type { Meter } from '../tasks/meter';
import { type Dependency, type Outages, watchOutages } from '../tasks/outages';
import { type RetryDeps, retryUntil } from '../tasks/retry';
import type { PipelineName, ServiceDeps } from '../service/run';
import type { StateServer } from '../store/server';
import type { Generations, Store } from '../store/store';

/** The servers of the service, real or in memory. */
export interface Servers {
  readonly registry: SchemaRegistry;
  readonly store: Store & Generations;
  readonly sink: Sink;
  readonly transactionalSinks: TransactionalSinks;
  readonly reader: TopicReader;
  readonly committedOffset: CommittedOffset;
  readonly sources: { readonly status: Source; readonly kpi: Source };
  /** What holds the state; absent in memory, where there is nothing to watch. */
  readonly stateServer?: StateServer;
}

/** Observers of a service. */
export interface Watchers {
  readonly log: Log;
  readonly meter: Meter;
  readonly outages: Outages;
  onReason(key: string, reason: string | null): void;
  onFatal(error: unknown): void;
}

/**
 * The consumer group of each pipeline, with the tenant's prefix like every topic: installations that differ only in the
 * prefix share no group, and no transactional id, which begins with the group's name.
 */
export function groupOf(config: Pick<Config, 'groupId' | 'topicPrefix'>, pipeline: PipelineName): string {
  return config.topicPrefix + formerGroupOf(config, pipeline);
}

/** The consumer group up to version 0.1. */
export function formerGroupOf({ groupId }: Pick<Config, 'groupId'>, pipeline: PipelineName): string {
  return `${groupId}-${pipeline}`;
}

/** The names of a pipeline's topics, by topic index. */
export function topicsOf(config: Pick<Config, 'topicPrefix'>, pipeline: PipelineName): readonly string[] {
  return TOPICS_OF[pipeline].map((topic) => config.topicPrefix + topic);
}

/** Logs when an outage begins and ends, and reports it as a readiness reason in between. */
export function outagesOf(watchers: Pick<Watchers, 'log' | 'meter' | 'onReason'>, clock: Clock): Outages {
  return watchOutages({
    clock,
    log: watchers.log,
    onBegin: (dependency: Dependency) => watchers.meter.outage(dependency),
    onChange: (dependency: Dependency, reason) => watchers.onReason(dependency, reason),
  });
}

/** Composes settings and servers into the dependencies of the service. `partitions` is the topics' partition count. */
export function compose(
  config: Config,
  servers: Servers,
  how: {
    readonly watchers: Watchers;
    readonly pipelines: readonly PipelineName[];
    readonly partitions: number;
    readonly ids: WrittenIds;
    /** Aborts waits for the registry. */
    readonly signal: AbortSignal;
    readonly clock?: Clock;
    readonly random?: Random;
  },
): ServiceDeps {
  const { watchers, partitions, ids } = how;
  const clock = how.clock ?? systemClock;
  const retryDeps = { clock, random: how.random ?? systemRandom, outages: watchers.outages };
  const registry = registryWithRetry(servers.registry, retryUntil(how.signal, retryDeps));
  const limits = { maxValueBytes: config.maxValueBytes, maxHeaders: config.maxHeaders };
  const wire = wireTypes(config, ids);
  const strangers = watchStrangers({ log: watchers.log, count: watchers.meter.stranger });
  const { partitioner } = config;
  return {
    ...watchers,
    pipelines: how.pipelines,
    deps: {
      ...servers,
      retryDeps,
      meter: watchers.meter,
      decoders: {
        status: feedbackDecoder({
          registry,
          limits,
          clock,
          topics: FEEDBACK_TOPICS,
          partitioner,
          partitions,
        }),
        kpi: contributionDecoder({ registry, limits, clock }),
      },
      wire,
      strangers,
      topicPrefix: config.topicPrefix,
      kpiGroup: groupOf(config, 'kpi'),
      batchMax: config.batchMax,
      lingerMs: config.lingerMs,
      expiryGraceMs: config.expiry ? config.expiryGrace : Infinity,
      retentionMs: config.retention,
      messageCache,
    },
    generation: generationDeps(config, servers, { wire, strangers, retryDeps }),
    ...stateSettingsOf(config),
  };
}

/** The settings that a state depends on, and whether a worker follows those of the active generation where they are others. */
export function stateSettingsOf(config: Config): Pick<ServiceDeps, 'stateSettings' | 'followsSettings'> {
  return {
    followsSettings: config.onMismatch === 'follow',
    stateSettings: {
      defaultPolicy: config.policy,
      domainGroups: domainGroups(config.domainGroups).fingerprint,
      buckets: config.buckets,
    },
  };
}

/** Far longer than it takes to create a generation once its number is allocated. */
const CREATION_MS = 2_000;

/** The dependencies for creating, cutting over and dropping generations. */
function generationDeps(
  config: Config,
  servers: Servers,
  parts: {
    readonly wire: WireTypes;
    readonly strangers: Strangers;
    readonly retryDeps: Pick<RetryDeps, 'clock' | 'random'>;
  },
): GenerationDeps {
  const { wire, strangers } = parts;
  const { clock, random } = parts.retryDeps;
  const contributions = config.topicPrefix + CONTRIBUTIONS_TOPIC;
  return {
    store: servers.store,
    reader: servers.reader,
    contributionsTopic: contributions,
    kpiTopic: config.topicPrefix + DELIVERY_KPI_TOPIC,
    inputWatermarks: (partition) => watermarksOf(servers.reader, topicsOf(config, 'status'), partition),
    contributionWatermarks: (partition) => servers.reader.watermarks(contributions, partition),
    positionedTopics: [...topicsOf(config, 'status'), contributions, config.topicPrefix + RETIRED_TOPIC],
    generationOf: (published) => wire.kpiChanged.read(published)?.generation ?? null,
    strangers,
    allocateStateId: (name) =>
      allocateStateId({ ...servers, topic: contributions, contribution: wire.contribution, random }, name),
    pause: () => clock.sleep(CREATION_MS),
  };
}

/** The record types that the service writes, under the ids from the registry. */
function wireTypes(config: Config, ids: WrittenIds): WireTypes {
  return {
    contribution: wireType<Contribution>(SCHEMAS.Contribution, ids.Contribution),
    kpiChanged: wireType<KpiChanged>(SCHEMAS.KpiChanged, ids.KpiChanged),
    statusChanged: config.messageStatus
      ? wireType<MessageStatusChanged>(SCHEMAS.MessageStatusChanged, ids.MessageStatusChanged)
      : null,
    retryOutcome: wireType<RetryOutcome>(SCHEMAS.RetryOutcome, ids.RetryOutcome),
  };
}

function watermarksOf(reader: TopicReader, topics: readonly string[], partition: number) {
  return Promise.all(topics.map((topic) => reader.watermarks(topic, partition)));
}
