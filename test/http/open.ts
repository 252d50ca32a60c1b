import type { FastifyInstance } from 'fastify';
import { readConfig } from '../../src/settings/config';
import { type Clock, systemClock } from '../../src/base/clock';
import { NO_LOG } from '../../src/base/log';
import { outagesOf } from '../../src/app/compose';
import { openInMemory } from '../../src/app/in-memory';
import { inputIds, outgoing } from '../../src/simulation/produce';
import { startOn } from '../../src/app/start-service';
import { followLog, routesOf, createQueries } from '../../src/app/queries';
import type { Feedback } from '../../src/feedback/feedback';
import { createHealth, type Health } from '../../src/queries/health';
import { createMetrics } from '../../src/http/metrics';
import { httpRoutes } from '../../src/http/server.http';
import type { Queries } from '../../src/queries/queries';
import { wireEncoder } from '../../src/feedback/encode';
import { feedbackRecord } from '../../src/simulation/traffic';

const PARTITIONS = 2;

/** A service in memory behind its routes. */
export interface Opened {
  readonly routes: FastifyInstance;
  readonly health: Health;
  readonly queries: Queries;
  report(feedback: readonly Feedback[]): Promise<void>;
  /** Emits bytes that are not feedback to an input. */
  emitInvalid(value: Buffer): Promise<void>;
  /** Waits until the condition holds. */
  until(holds: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** `clock` is the read model's clock of the records' timestamps. */
export async function open(
  settings: Record<string, string> = {},
  clock: Clock = systemClock,
): Promise<Opened> {
  const read = readConfig({ EFS_PARTITIONS: String(PARTITIONS), EFS_LINGER_MS: '0', ...settings });
  if ('errors' in read) throw new Error(read.errors.join('\n'));
  const config = read.ok;
  const health = createHealth();
  const metrics = createMetrics({ version: '0', node: '0' });
  const queries = createQueries(config, { health, metrics }, clock);
  const { servers } = await openInMemory(config, { clock: systemClock });
  const watching = { log: NO_LOG, meter: metrics, onReason: health.set };
  const watchers = { ...watching, onFatal: health.fail, outages: outagesOf(watching, systemClock) };
  const abort = new AbortController();
  const { signal } = abort;
  followLog(queries, { ...servers, topicPrefix: '' }, watchers.outages, signal);
  const service = await startOn(config, servers, { watchers, pipelines: ['status', 'kpi'], queries, signal });
  const encode = wireEncoder(await inputIds(servers.registry, ''));
  const routes = httpRoutes(routesOf(config, { health, metrics, queries }));
  return {
    routes,
    health,
    queries,
    report: (feedback) =>
      servers.sink.emit(feedback.map((each) => outgoing(feedbackRecord(each, encode), PARTITIONS))),
    emitInvalid: (value) =>
      servers.sink.emit([{ topic: 'mta.relayed', partition: 0, key: Buffer.from('k'), value }]),
    async until(holds) {
      for (let left = 500; !holds(); left--) {
        if (left === 0) throw new Error('the condition never held');
        await systemClock.sleep(10);
      }
    },
    async close() {
      await service.stop(0);
      abort.abort();
      await routes.close();
    },
  };
}
