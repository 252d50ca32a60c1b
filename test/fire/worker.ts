import { systemClock, systemRandom } from '../../src/base/clock';
import { configFrom } from '../../src/settings/config';
import { openLog } from '../../src/base/log';
import { compose, type Servers, outagesOf } from '../../src/app/compose';
import { connectServers } from '../../src/app/servers';
import { createHealth } from '../../src/queries/health';
import { createMetrics } from '../../src/http/metrics';
import { startHttp } from '../../src/http/server.http';
import { retryUntil } from '../../src/tasks/retry';
import { startService } from '../../src/service/run';
import { schemaIds, WRITTEN_RECORDS } from '../../src/feedback/schemas';
import { connectRedis } from '../../src/store/connect.redis';
import { namespaceOf } from '../../src/store/keys';
import { readScripts, scriptOf } from '../../src/store/scripts.redis';
import { redisStore } from '../../src/store/store.redis';
import { type InjectedFaults, FAULTS_VARIABLE, depsWithFault, type Weakness } from './faults';

// A worker for tests: the service on the product's own dependencies, with faults injected at chosen calls and, where
// requested, with a defence removed. Runs in a process of its own, so that a signal is a real one.

const injected = JSON.parse(process.env[FAULTS_VARIABLE] ?? '{}') as InjectedFaults;
delete process.env[FAULTS_VARIABLE];
const config = configFrom(process.env);

/** An unfenced sink, like that of the inputs, in the place of the fenced one. */
function unfenced(deps: Servers): Servers {
  const emit = async (records: Parameters<Servers['sink']['emit']>[0]) => {
    await deps.sink.emit(records);
    return 'acknowledged' as const;
  };
  return { ...deps, transactionalSinks: { open: async () => ({ emit, close: async () => undefined }) } };
}

/** Emits a dead letter only once the position behind it is committed. */
function committingFirst(deps: Servers): Servers {
  const { store, sink } = deps;
  let held: (() => Promise<void>)[] = [];
  return {
    ...deps,
    sink: {
      ...sink,
      emit: async (records) => {
        if (records[0]?.topic !== 'efs.dead-letter') return sink.emit(records);
        held.push(() => sink.emit(records));
      },
    },
    store: {
      ...store,
      commit: async (task, commit) => {
        const outcome = await store.commit(task, commit);
        const letters = task.pipeline === 'status' ? held : [];
        if (task.pipeline === 'status') held = [];
        for (const emit of letters) await emit();
        return outcome;
      },
    },
  };
}

/** A store whose commit script checks nothing. */
async function trusting(deps: Servers): Promise<Servers> {
  const scripts = readScripts();
  const unchecked = scripts.commit.text.replace(/^if .* then return '(fenced|rolled-back)' end$/gm, '');
  const client = await connectRedis(config.redisUrl, {
    log: { info: () => undefined, warn: () => undefined },
  });
  const namespace = namespaceOf(config.groupId, config.topicPrefix);
  return { ...deps, store: redisStore(client, { namespace }, { ...scripts, commit: scriptOf(unchecked) }) };
}

async function weakened(deps: Servers, weaknesses: readonly Weakness[]): Promise<Servers> {
  let weak = deps;
  if (weaknesses.includes('unchecked-commit')) weak = await trusting(weak);
  if (weaknesses.includes('unfenced-sink')) weak = unfenced(weak);
  return weak;
}

async function main(): Promise<void> {
  const log = openLog({ level: config.logLevel, format: 'json' });
  const metrics = createMetrics({ version: 'test', node: process.version });
  const health = createHealth();
  const stop = new AbortController();
  const fail = (error: unknown): void => {
    log.error('the service has ended', { error });
    process.exit(1);
  };
  const http = await startHttp({ host: config.httpHost, port: config.httpPort, health, metrics });
  log.info('starting', { port: http.port });
  const watching = { log, meter: metrics, onReason: health.set, onFatal: fail };
  const watchers = { ...watching, outages: outagesOf(watching, systemClock) };
  const retryDeps = { clock: systemClock, random: systemRandom, outages: watchers.outages };
  const retry = retryUntil(stop.signal, retryDeps);
  const real = await connectServers(config, { watchers, retry, inGroups: true });
  const weaknesses = injected.weaknesses ?? [];
  const faulty = depsWithFault(await weakened(real.servers, weaknesses), injected.fault, (line) =>
    log.warn(line, {}),
  );
  // Outermost: it changes the order of the calls, and the fault is injected between them.
  const deps = weaknesses.includes('commit-before-dead-letter') ? committingFirst(faulty) : faulty;
  const partitions = await retry(() => deps.sources.status.partitions());
  const ids = await retry(() => schemaIds(deps.registry, config.topicPrefix, WRITTEN_RECORDS));
  const pipelines = ['status', 'kpi'] as const;
  const service = await startService(
    compose(config, deps, { watchers, pipelines, partitions, ids, signal: stop.signal }),
  );
  process.on('SIGTERM', () => {
    void service
      .stop(5_000)
      .then(real.close)
      .then(() => process.exit(0), fail);
  });
}

void main();
