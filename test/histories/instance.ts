import { configFrom } from '../../src/settings/config';
import type { Config } from '../../src/settings/table';
import type { Log, LogFields } from '../../src/base/log';
import { compose, type Servers, groupOf, outagesOf, topicsOf, type Watchers } from '../../src/app/compose';
import type { MemoryLog } from '../../src/log/log.memory';
import { type CacheSizes, messageCache } from '../../src/pipeline/message-cache';
import { NO_METER } from '../../src/tasks/meter';
import { registryWithRetry } from '../../src/tasks/retrying';
import { retryUntil } from '../../src/tasks/retry';
import type { ServiceDeps } from '../../src/service/run';
import type { Check } from '../../src/store/store.memory';
import { depsOf, type Names } from './deps';
import type { FetchedLog } from './fetching';
import type { Installation } from './installation';
import { callerOf } from './network';
import type { Process } from './schedule';
import { IDS, borrowDecoders, registry } from './decoder-pool';
import type { Policy, Scenario } from './scenario';
import type { Trace } from './trace';

/** A defect put into the service, for histories that must detect it. */
export interface Mutant {
  readonly deps?: (deps: Servers) => Servers;
  readonly service?: (service: ServiceDeps) => ServiceDeps;
  /** The log as its sinks see it. */
  readonly sinkLog?: (log: MemoryLog) => MemoryLog;
  /** Checks that the store leaves out. */
  readonly without?: readonly Check[];
}

/** The service with its dependencies, in one process. */
export interface ServiceInstance {
  readonly process: Process;
  readonly service: ServiceDeps;
  readonly store: Servers['store'];
  readonly views: readonly FetchedLog[];
  /** Why it is not ready, by key. */
  readonly reasons: ReadonlyMap<string, string>;
  /** Errors that a retry cannot resolve; there must be none. */
  readonly failures: string[];
  /** Returns the decoders to their pool once the process has ended. */
  returnDecoders(): void;
}

/** Caches of messages that forget most of them, some, and none. */
const CACHE_SIZES: readonly CacheSizes[] = [
  { messages: 512, slots: 2, hashes: 4 },
  { messages: 1_024, slots: 8, hashes: 32 },
  { messages: 8_192, slots: 256, hashes: 512 },
];

/** Parsed settings by scenario: thousands of histories share a few. */
const configs = new Map<string, Config>();

function configOf({ settings, partitions }: Scenario, policy: Policy): Config {
  const key = JSON.stringify([settings, partitions, policy]);
  const known = configs.get(key);
  if (known !== undefined) return known;
  const config = configFrom({
    EFS_PARTITIONS: String(partitions),
    EFS_POLICY: policy,
    EFS_MESSAGE_STATUS: settings.messageStatus,
    EFS_LINGER_MS: String(settings.lingerMs),
    EFS_BATCH_MAX: String(settings.batchMax),
    ...(settings.expiryGraceMs === null
      ? { EFS_EXPIRY: 'off' }
      : { EFS_EXPIRY_GRACE: `${settings.expiryGraceMs}ms` }),
    ...(settings.retentionMs === null ? {} : { EFS_RETENTION: `${settings.retentionMs}ms` }),
  });
  configs.set(key, config);
  return config;
}

function namesOf(config: Config): Names {
  return {
    topics: { status: topicsOf(config, 'status'), kpi: topicsOf(config, 'kpi') },
    groups: { status: groupOf(config, 'status'), kpi: groupOf(config, 'kpi') },
  };
}

/** Composes the service in a process. Outside of the consumer groups it owns all partitions of the inputs. */
export function composeInstance(
  installation: Installation,
  name: string,
  mutant: Mutant,
  how: { readonly policy: Policy; readonly inGroups: boolean },
): ServiceInstance {
  const { scenario, schedule, trace } = installation;
  const process: Process = { name, dead: false, frozenUntil: 0 };
  const clock = schedule.clockOf(process);
  const config = configOf(scenario, how.policy);
  const { deps, views } = depsOf(installation, process, callerOf(installation, process), {
    names: namesOf(config),
    inGroups: how.inGroups,
    registry,
    sinkLog: mutant.sinkLog?.(installation.log) ?? installation.log,
  });
  const reasons = new Map<string, string>();
  const failures: string[] = [];
  const watching = {
    log: tracedLog(trace, name, failures),
    meter: NO_METER,
    onReason: (key: string, reason: string | null): void =>
      void (reason === null ? reasons.delete(key) : reasons.set(key, reason)),
  };
  const fail = (error: unknown): void => void failures.push(String(error));
  const watchers: Watchers = { ...watching, outages: outagesOf(watching, clock), onFatal: fail };
  const { signal } = new AbortController();
  const broken = mutant.deps?.(deps) ?? deps;
  const assembled = compose(config, broken, {
    watchers,
    pipelines: ['status', 'kpi'],
    partitions: scenario.partitions,
    ids: IDS,
    signal,
    clock,
    random: () => installation.jitter.unit(),
  });
  const borrowed = scenario.network.knowsSchemas
    ? borrowDecoders(scenario.partitions, {
        registry: registryWithRetry(deps.registry, retryUntil(signal, assembled.deps.retryDeps)),
        clock,
      })
    : null;
  const decoders = borrowed?.decoders ?? assembled.deps.decoders;
  const caching = { messageCache: () => messageCache(CACHE_SIZES[scenario.seed % CACHE_SIZES.length]) };
  const service = { ...assembled, deps: { ...assembled.deps, ...caching, decoders } };
  return {
    ...{ process, views, reasons, failures },
    service: mutant.service?.(service) ?? service,
    store: broken.store,
    returnDecoders: () => borrowed?.returnDecoders(),
  };
}

/** Log lines go into the trace; an error line is a failure of the history. */
function tracedLog(trace: Trace, name: string, failures: string[]): Log {
  const line =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      const { error, ...rest } = fields;
      const why = error === undefined ? '' : `: ${String(error)}`;
      if (level === 'error') failures.push(`${name}: ${message} ${JSON.stringify(rest)}${why}`);
      trace.add(name, () => `logs "${message}" ${JSON.stringify(rest)}${why}`);
    };
  const log: Log = {
    debug: () => undefined,
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: () => log,
  };
  return log;
}
