import type { Config } from '../settings/table';
import { systemClock } from '../base/clock';
import { kafkaCommittedOffset, kafkaReader } from '../kafka/reader.kafka';
import type { Groups } from '../log/groups';
import { kafkaGroups } from '../kafka/groups.kafka';
import { kafkaSource, SOURCE_LIMITS } from '../kafka/source.kafka';
import { CONTRIBUTIONS_TOPIC, RELAYED_TOPIC } from '../feedback/topics';
import { kafkaTransactionalSinks } from '../kafka/transactional-sink.kafka';
import type { TransactionalSinks } from '../log/sink';
import { takeOverFormerNames } from '../generations/former-names';
import type { Retry } from '../tasks/retry';
import type { PipelineName } from '../service/run';
import { checkServer, closeRedis } from '../store/connect.redis';
import { redisServer } from '../store/server.redis';
import { type Servers, type Watchers, formerGroupOf, groupOf, topicsOf } from './compose';
import { connectState, kafkaOf, registryOf, sinkOf, sourceLimits } from './connect';

/** Bulk reads by a command may buffer more than a service that shares its machine. */
const BULK_LIMITS: typeof SOURCE_LIMITS = {
  ...SOURCE_LIMITS,
  fetch: { ...SOURCE_LIMITS.fetch, maxBytes: 16 << 20, maxBytesPerPartition: 1 << 20 },
  inbox: { records: 32_000, bytes: 4 << 20, bytesInAll: 64 << 20 },
};

/** Options of the connection to real servers. */
interface ServersOptions {
  /** `onReason` receives, by key, what is waited for beside servers; null when that is over. */
  readonly watchers: Pick<Watchers, 'log' | 'outages' | 'onReason'>;
  readonly retry: Retry;
  /** Whether the sources share partitions with other workers; without a group they own all partitions. */
  readonly inGroups: boolean;
  /** Receives the clients that connect on use, before any wait. */
  onLog?(log: Pick<Servers, 'reader' | 'registry'>): void;
}

/**
 * Opens Kafka, the registry and Redis as the settings say, and waits for those that do not answer; in groups also for
 * workers of an earlier version to end. Throws what is not retriable: `access-refused`, `tls-failed`, `redis-evicts`.
 */
export async function connectServers(
  config: Config,
  how: ServersOptions,
): Promise<{ servers: Servers; close(): Promise<void> }> {
  const { retry, watchers } = how;
  const { log, outages } = watchers;
  const kafka = kafkaOf(config, log);
  const reader = kafkaReader(kafka, systemClock, config);
  const registry = registryOf(config, log);
  how.onLog?.({ reader, registry });
  const { client, store } = await retry(() => connectState(config, log, 'efs'));
  await retry(() => checkServer(client));

  const sourceOf = (pipeline: PipelineName) =>
    kafkaSource({
      kafka,
      clock: systemClock,
      topics: topicsOf(config, pipeline),
      groupId: how.inGroups ? groupOf(config, pipeline) : null,
      limits: sourceLimits(config, how.inGroups ? SOURCE_LIMITS : BULK_LIMITS),
      outages,
    });
  const sinksOf = (group: string) =>
    kafkaTransactionalSinks(kafka, {
      clock: systemClock,
      prefix: config.topicPrefix,
      compression: config.kafkaCompression,
      group,
    });
  const sink = sinkOf(config, kafka);
  const servers: Servers = {
    registry,
    store,
    reader,
    sink,
    transactionalSinks: sinksOf(groupOf(config, 'kpi')),
    committedOffset: kafkaCommittedOffset(kafka),
    sources: { status: sourceOf('status'), kpi: sourceOf('kpi') },
    stateServer: redisServer(client, systemClock),
  };
  const close = async (): Promise<void> => {
    await Promise.allSettled([sink.close(), reader.close()]);
    closeRedis(client);
  };
  if (how.inGroups && config.topicPrefix !== '') {
    try {
      // Throws `topic-missing` with the topics, where `efs setup` has not been run.
      await retry(() => servers.sources.status.partitions());
      await takeOver(config, kafkaGroups(kafka), sinksOf, how);
    } catch (error) {
      await close();
      throw error;
    }
  }
  return { servers, close };
}

/** Takes over from workers up to 0.1, whose groups and transactional ids have no prefix. */
function takeOver(
  config: Config,
  groups: Groups,
  sinksOf: (group: string) => TransactionalSinks,
  how: ServersOptions,
): Promise<void> {
  const group = groupOf(config, 'kpi');
  const former = formerGroupOf(config, 'kpi');
  const { log, onReason } = how.watchers;
  return takeOverFormerNames({
    clock: systemClock,
    log,
    retry: how.retry,
    onReason,
    groups,
    own: { kpiGroup: group, transactionalSinks: sinksOf(group) },
    former: {
      kpiGroup: former,
      statusGroup: formerGroupOf(config, 'status'),
      transactionalSinks: sinksOf(former),
    },
    topics: [...topicsOf(config, 'status'), ...topicsOf(config, 'kpi')],
    contributionsTopic: config.topicPrefix + CONTRIBUTIONS_TOPIC,
    relayedTopic: config.topicPrefix + RELAYED_TOPIC,
  });
}
