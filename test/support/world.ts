import { configFrom, type Environment } from '../../src/settings/config';
import { must } from '../../src/base/assert';
import { compose, type Servers, groupOf, outagesOf, topicsOf, type Watchers } from '../../src/app/compose';
import type { Feedback } from '../../src/feedback/feedback';
import { memoryLog, type MemoryLog } from '../../src/log/log.memory';
import { type MemoryRegistry, memoryRegistry } from '../../src/avro/registry.memory';
import {
  schemaIds,
  SCHEMAS as RECORD_SCHEMAS,
  subjectOf,
  TOPIC_SCHEMAS,
  WRITTEN_RECORDS,
} from '../../src/feedback/schemas';
import { memoryCommittedOffset, memoryReader, memorySource } from '../../src/log/source.memory';
import { ALL_TOPICS } from '../../src/feedback/topics';
import { memoryTransactionalSinks, memorySink } from '../../src/log/sink.memory';
import { dice } from '../../src/simulation/dice';
import { NO_METER } from '../../src/tasks/meter';
import { type Service, startService } from '../../src/service/run';
import { type Check, memoryStore } from '../../src/store/store.memory';
import { recordingLog } from '../base/recording-log';
import { turn, type VirtualClock, virtualClock } from './clock';
import { produced, type Produced, SCHEMAS } from './records';

/** A whole installation in memory: one log, one store, one registry, and workers that start and stop. */
export interface World {
  readonly clock: VirtualClock;
  readonly log: MemoryLog;
  readonly store: ReturnType<typeof memoryStore>;
  readonly registry: MemoryRegistry;
  readonly partitions: number;
  readonly settings: Settings;
  produce(all: readonly Feedback[]): void;
  append(records: readonly Produced[]): void;
  /**
   * Starts a worker. `wrap` may put faults between it and its dependencies; `own` are settings that only this worker has. Rejects
   * with what ends its start.
   */
  worker(wrap?: (deps: Servers, worker: Killable) => Servers, own?: Environment): Promise<Worker>;
  /** Advances time until nothing has changed for longer than any wait of the service. */
  settle(): Promise<void>;
  /** Advances time until a condition holds. */
  until(holds: () => boolean, what: string): Promise<void>;
}

/** What can be killed: afterwards none of its calls returns, and it is out of its groups. */
export interface Killable {
  kill(): void;
}

export interface Worker extends Killable {
  readonly service: Service;
  readonly log: ReturnType<typeof recordingLog>;
  /** Why it is not ready, by key. */
  readonly reasons: ReadonlyMap<string, string>;
  readonly fatal: readonly unknown[];
  stop(): Promise<void>;
}

interface Settings {
  readonly policy: 'efs' | 'relay';
  readonly messageStatus: 'on' | 'off';
  readonly lingerMs: number;
  readonly batchMax: number;
  readonly retention: string;
  readonly expiry: 'on' | 'off';
}

/** Every world draws the same random numbers. */
const RANDOM_SEED = 1;
const STEP_MS = 100;
/** 15 s without a change: longer than the longest delay of a retry and the wait of a fenced task. */
const QUIET_STEPS = 150;
const MAX_STEPS = 20_000;

function configOf(settings: Settings, partitions: number, own: Environment = {}) {
  return configFrom({
    EFS_PARTITIONS: String(partitions),
    EFS_POLICY: settings.policy,
    EFS_MESSAGE_STATUS: settings.messageStatus,
    EFS_LINGER_MS: String(settings.lingerMs),
    EFS_BATCH_MAX: String(settings.batchMax),
    EFS_EXPIRY: settings.expiry,
    EFS_RETENTION: settings.retention,
    ...own,
  });
}

async function filledRegistry(): Promise<MemoryRegistry> {
  const registry = memoryRegistry();
  for (const { topic, record } of TOPIC_SCHEMAS) {
    const input = [...SCHEMAS.values()].find(
      (text) => (JSON.parse(text) as { name: string }).name === record,
    );
    await registry.register(subjectOf('', topic), input ?? RECORD_SCHEMAS[record].text);
  }
  return registry;
}

/** Dependencies whose calls hang once their worker is dead. */
function hangingWhenDead<T extends object>(deps: T, isDead: () => boolean): T {
  return new Proxy(deps, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        if (isDead()) return new Promise(() => undefined);
        const result: unknown = await (member as (...all: unknown[]) => unknown).apply(target, args);
        return isDead() ? new Promise(() => undefined) : result;
      };
    },
  });
}

/** Creates a world of so many partitions. `without` disables checks of the store. */
export async function world(
  given: Partial<Settings> & { partitions?: number; without?: readonly Check[] } = {},
): Promise<World> {
  const { partitions = 4, without = [], ...rest } = given;
  const settings: Settings = {
    ...{ policy: 'efs', messageStatus: 'off', lingerMs: 100, batchMax: 50, expiry: 'on', retention: '30d' },
    ...rest,
  };
  const clock = virtualClock();
  const log = memoryLog({ partitions, clock });
  const store = memoryStore({ without });
  const registry = await filledRegistry();
  const config = configOf(settings, partitions);
  const ids = await schemaIds(registry, '', WRITTEN_RECORDS);
  const jitter = dice(RANDOM_SEED, 0);
  const random = (): number => jitter.unit();

  const append = (records: readonly Produced[]): void => {
    for (const { topic, partition, key, value, headerCount } of records) {
      const header = { name: Buffer.from('h'), value: Buffer.from('v') };
      log.append(topic, partition, {
        key,
        value,
        headers: Array.from({ length: headerCount }, () => header),
      });
    }
  };

  const depsOf = (isDead: () => boolean, membership: { leave: () => Promise<void> }): Servers => {
    const source = (pipeline: 'status' | 'kpi') =>
      memorySource(log, { topics: topicsOf(config, pipeline), groupId: groupOf(config, pipeline) });
    const sources = { status: source('status'), kpi: source('kpi') };
    membership.leave = async () => void (await Promise.all([sources.status.stop(), sources.kpi.stop()]));
    const fenced = memoryTransactionalSinks(log, { group: groupOf(config, 'kpi') });
    return {
      registry: hangingWhenDead(registry, isDead),
      store: hangingWhenDead(store, isDead),
      sink: hangingWhenDead(memorySink(log), isDead),
      transactionalSinks: hangingWhenDead(
        { open: async (name: string) => hangingWhenDead(await fenced.open(name), isDead) },
        isDead,
      ),
      reader: memoryReader(log),
      committedOffset: memoryCommittedOffset(log),
      sources,
    };
  };

  const worker: World['worker'] = async (wrap = (deps) => deps, own = {}) => {
    let dead = false;
    const membership = { leave: async () => undefined as void };
    const kill = (): void => {
      dead = true;
      void membership.leave();
    };
    const deps = wrap(
      depsOf(() => dead, membership),
      { kill },
    );
    const recorded = recordingLog();
    const reasons = new Map<string, string>();
    const fatal: unknown[] = [];
    const onReason = (key: string, reason: string | null): void =>
      void (reason === null ? reasons.delete(key) : reasons.set(key, reason));
    const watching = { log: recorded, meter: NO_METER, onReason };
    const watchers: Watchers = {
      ...watching,
      outages: outagesOf(watching, clock),
      onFatal: (error) => void fatal.push(error),
    };
    const { signal } = new AbortController();
    const how = { watchers, pipelines: ['status', 'kpi'] as const, partitions, ids, signal, clock, random };
    const starting = startService(compose(configOf(settings, partitions, own), deps, how));
    let service: Service | null = null;
    let failure: unknown = null;
    starting.then(
      (started) => (service = started),
      (error: unknown) => (failure = error),
    );
    for (let step = 0; service === null && failure === null && step < MAX_STEPS; step += 1) {
      clock.advance(STEP_MS);
      await turn();
    }
    if (service === null) kill();
    if (failure !== null) throw failure as Error;
    const started = must<Service>(service, 'the service has started');
    const stop = async (): Promise<void> => {
      let over = false;
      void started.stop(1_000).then(() => (over = true));
      for (let i = 0; i < MAX_STEPS && !over; i += 1) {
        clock.advance(STEP_MS);
        await turn();
      }
    };
    return { service: started, log: recorded, reasons, fatal, kill, stop };
  };

  const fingerprint = async (): Promise<string> => {
    const manifest = await store.active();
    const tasks = [];
    for (let partition = 0; manifest !== null && partition < partitions; partition += 1) {
      for (const pipeline of ['status', 'kpi'] as const) {
        const standing = await store.inspect({ stateId: manifest.stateId, pipeline, partition });
        tasks.push([standing?.epoch, standing?.positions]);
      }
    }
    const deps = ALL_TOPICS.flatMap((topic) =>
      Array.from({ length: partitions }, (_, partition) => log.watermarks(topic, partition).high),
    );
    return JSON.stringify([manifest?.stateId, tasks, deps]);
  };

  return {
    ...{ clock, log, store, registry, partitions, settings, append, worker },
    produce: (all) => append(all.map((each) => produced(each, partitions))),
    async settle() {
      let last = '';
      let quiet = 0;
      for (let step = 0; quiet < QUIET_STEPS; step += 1) {
        if (step > MAX_STEPS) throw new Error('the world does not come to rest');
        clock.advance(STEP_MS);
        await turn();
        const now = await fingerprint();
        quiet = now === last ? quiet + 1 : 0;
        last = now;
      }
    },
    async until(holds, what) {
      for (let step = 0; !holds(); step += 1) {
        if (step > MAX_STEPS) throw new Error(`timed out waiting for: ${what}`);
        clock.advance(STEP_MS);
        await turn();
      }
    },
  };
}
