import type { FastifyInstance } from 'fastify';
import { configFrom } from '../../src/settings/config';
import { type Clock, systemClock } from '../../src/base/clock';
import { NO_LOG } from '../../src/base/log';
import { openInMemory } from '../../src/app/in-memory';
import type { OutgoingRecord } from '../../src/log/sink';
import { outgoing } from '../../src/simulation/produce';
import { follow, type Frame, frameOf, routesOf, startOn } from '../../src/app/frame';
import type { Feedback } from '../../src/feedback/feedback';
import type { Health } from '../../src/queries/health';
import type { Bounds } from '../../src/http/budget.http';
import { httpRoutes } from '../../src/http/server.http';
import type { Queries } from '../../src/queries/queries';
import { wireEncoder } from '../../src/feedback/encode';
import { INPUT_RECORDS, schemaIds } from '../../src/feedback/schemas';
import { feedbackRecord } from '../../src/simulation/traffic';

const PARTITIONS = 2;

/** A service in memory behind its routes. */
export interface Opened {
  readonly routes: FastifyInstance;
  readonly health: Health;
  readonly queries: Queries;
  report(feedback: readonly Feedback[]): Promise<void>;
  /** Emits a record to a topic of the service. */
  emit(record: OutgoingRecord): Promise<void>;
  /** Emits bytes that are not feedback to an input. */
  emitInvalid(value: Buffer): Promise<void>;
  /** Waits until the condition holds. */
  until(holds: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** `clock` is the read model's clock of the records' timestamps; `bounds` are other bounds than the service's own. */
export async function open(
  settings: Record<string, string> = {},
  clock: Clock = systemClock,
  bounds: Partial<Bounds> = {},
): Promise<Opened> {
  const config = configFrom({ EFS_PARTITIONS: String(PARTITIONS), EFS_LINGER_MS: '0', ...settings });
  const frame: Frame = frameOf(config, {
    log: NO_LOG,
    clock,
    onFatal: (error) => frame.health.fail(String(error)),
  });
  const { servers } = await openInMemory(config, { clock: systemClock });
  follow(frame, servers);
  const service = await startOn(frame, servers, ['status', 'kpi']);
  const encode = wireEncoder(await schemaIds(servers.registry, '', INPUT_RECORDS));
  const routes = httpRoutes({ ...routesOf(frame), bounds });
  return {
    routes,
    health: frame.health,
    queries: frame.queries,
    report: (feedback) =>
      servers.sink.emit(feedback.map((each) => outgoing(feedbackRecord(each, encode), PARTITIONS))),
    emit: (record) => servers.sink.emit([record]),
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
      frame.abort.abort();
      await routes.close();
    },
  };
}
