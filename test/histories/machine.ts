import { readConfig } from '../../src/settings/config';
import type { Config } from '../../src/settings/table';
import type { Log, LogFields } from '../../src/base/log';
import { compose, type Servers, groupOf, outagesOf, topicsOf, type Watchers } from '../../src/app/compose';
import type { MemoryLog } from '../../src/log/log.memory';
import { CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import { NO_METER } from '../../src/tasks/meter';
import { registryWithRetry } from '../../src/tasks/retrying';
import { retryUntil } from '../../src/tasks/retry';
import type { ServiceDeps } from '../../src/service/run';
import type { Check } from '../../src/store/store.memory';
import { endsOf, type Names } from './ends';
import type { FetchedLog } from './fetching';
import type { Installation } from './installation';
import { callerOf } from './network';
import type { Process } from './schedule';
import { IDS, lendDecoders, registry } from './schemas';
import type { Policy, Scenario } from './scenario';
import type { Story } from './story';

/** What is wrong with a build of the product, for histories that are to find it. */
export interface Mutant {
  readonly deps?: (deps: Servers) => Servers;
  readonly service?: (service: ServiceDeps) => ServiceDeps;
  /** The log as its sinks see it. */
  readonly sinkLog?: (log: MemoryLog) => MemoryLog;
  /** Checks that the store leaves out. */
  readonly without?: readonly Check[];
}

/** The product on its ends, in one process. */
export interface Machine {
  readonly process: Process;
  readonly service: ServiceDeps;
  readonly store: Servers['store'];
  readonly views: readonly FetchedLog[];
  /** Why it is not ready, by key. */
  readonly reasons: ReadonlyMap<string, string>;
  /** What must never happen to it: errors that waiting cannot mend. */
  readonly failures: string[];
  /** Nothing of it is needed any more. */
  handBack(): void;
}

/** What a memory of settings that were read before is for: thousands of histories share a few. */
const configs = new Map<string, Config>();

function configOf({ settings, partitions }: Scenario, policy: Policy): Config {
  const key = JSON.stringify([settings, partitions, policy]);
  const known = configs.get(key);
  if (known !== undefined) return known;
  const read = readConfig({
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
  if ('errors' in read) throw new Error(read.errors.join('\n'));
  configs.set(key, read.ok);
  return read.ok;
}

function namesOf(config: Config): Names {
  return {
    topics: { status: topicsOf(config, 'status'), kpi: topicsOf(config, 'kpi') },
    groups: { status: groupOf(config, 'status'), kpi: groupOf(config, 'kpi') },
    checkpointTopic: CONTRIBUTIONS_TOPIC,
  };
}

/** Assembles the product in a process. One that is not in the groups owns all partitions of the inputs. */
export function machineOf(
  there: Installation,
  name: string,
  mutant: Mutant,
  how: { readonly policy: Policy; readonly inGroups: boolean },
): Machine {
  const { scenario, schedule, story } = there;
  const process: Process = { name, dead: false, frozenUntil: 0 };
  const clock = schedule.clockOf(process);
  const config = configOf(scenario, how.policy);
  const { deps, views } = endsOf(there, process, callerOf(there, process), {
    names: namesOf(config),
    inGroups: how.inGroups,
    registry,
    sinkLog: mutant.sinkLog?.(there.log) ?? there.log,
  });
  const reasons = new Map<string, string>();
  const failures: string[] = [];
  const watching = {
    log: toldLog(story, name, failures),
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
    random: () => there.jitter.unit(),
  });
  const lent = scenario.network.knowsSchemas
    ? lendDecoders(scenario.partitions, {
        registry: registryWithRetry(deps.registry, retryUntil(signal, assembled.deps.retryDeps)),
        clock,
      })
    : null;
  const decoders = lent?.decoders ?? assembled.deps.decoders;
  const service = { ...assembled, deps: { ...assembled.deps, decoders } };
  return {
    ...{ process, views, reasons, failures },
    service: mutant.service?.(service) ?? service,
    store: broken.store,
    handBack: () => lent?.handBack(),
  };
}

/** Log lines go into the story; what waiting cannot mend is a failure of the history. */
function toldLog(story: Story, name: string, failures: string[]): Log {
  const line =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      const { error, ...rest } = fields;
      const why = error === undefined ? '' : `: ${String(error)}`;
      if (level === 'error') failures.push(`${name}: ${message} ${JSON.stringify(rest)}${why}`);
      story.tell(name, () => `says "${message}" ${JSON.stringify(rest)}${why}`);
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
