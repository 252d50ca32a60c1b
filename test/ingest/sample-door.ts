import type { FastifyInstance } from 'fastify';
import { partitionOf } from '../../src/log/partitioner';
import type { OutgoingRecord, Sink } from '../../src/log/sink';
import { systemClock, type Clock } from '../../src/base/clock';
import type { Auth } from '../../src/ingest/auth';
import { DOOR_BOUNDS, type DoorBounds, openDoor } from '../../src/ingest/door';
import { doorRoutes } from '../../src/ingest/door.http';
import { type Get, openSns } from '../../src/ingest/sns.http';
import type { IngestSource, Taken } from '../../src/ingest/source';
import { writer } from '../../src/ingest/writer';
import { mtaEvent, unknownEvent } from '../../src/mta/event';
import type { JsonFormat } from '../../src/mta/format';
import { field, list, text } from '../../src/mta/json';
import { customary, READER_SETTINGS } from '../../src/mta/settings';
import { createHealth } from '../../src/queries/health';

/** A webhook of a provider that does not exist: `[{"type": "delivered", "delivery": "d", "message": "m"}]`. */
const SAMPLE: JsonFormat = {
  name: 'sample',
  framing: 'json',
  isLog: false,
  identity: { deliveryId: ['delivery'], messageId: ['message'] },
  events: list,
  read(event) {
    const type = text(field(event, 'type'));
    if (type === 'open') return [{ ignored: 'open' }];
    if (type === 'broken') throw new Error('a reader that fails');
    if (type !== 'delivered') return [unknownEvent(type)];
    const occurredAt = Date.UTC(2026, 10, 25);
    return [
      mtaEvent({
        event: type,
        meaning: 'delivered',
        fields: event,
        recipient: 'ann@example.net',
        occurredAt,
      }),
    ];
  },
};

export const sampleSource: IngestSource = {
  name: 'shop',
  format: SAMPLE,
  settings: customary(SAMPLE),
  reader: READER_SETTINGS,
};

export const delivered = (message: string) => ({ type: 'delivered', delivery: 'd1', message });

interface SampleDoor {
  readonly routes: FastifyInstance;
  readonly records: OutgoingRecord[];
  readonly taken: Taken[];
  readonly answers: [string, number][];
  held(): number;
  /** Sends a body to the source. */
  post(
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: Record<string, unknown>; body: Record<string, unknown> }>;
}

/** A door to a log that `emit` stands for; without it, to one that takes everything. */
export function sampleDoor({
  auth = { kind: 'none' },
  clock = systemClock,
  emit = async () => undefined,
  bounds = {},
  get = async () => {
    throw new Error('no network');
  },
}: {
  auth?: Auth;
  clock?: Clock;
  emit?: Sink['emit'];
  bounds?: Partial<DoorBounds>;
  get?: Get;
} = {}): SampleDoor {
  const records: OutgoingRecord[] = [];
  const taken: Taken[] = [];
  const answers: [string, number][] = [];
  const sink: Sink = {
    async emit(batch) {
      await emit(batch);
      records.push(...batch);
    },
    close: async () => undefined,
  };
  const all = { ...DOOR_BOUNDS, ...bounds };
  const door = openDoor({
    write: writer({ sink, encode: (feedback) => Buffer.from(JSON.stringify(feedback)), partitions: 3 }),
    sns: openSns(get),
    clock,
    bounds: all,
    onTaken: (_, some) => taken.push(...some),
    onFailure: () => undefined,
  });
  const health = createHealth({});
  const routes = doorRoutes({
    ...{ door, health, bounds: all },
    metrics: { exposition: async () => ({ type: 'text/plain; version=0.0.4', text: '' }) as never },
    sources: new Map([['shop', { source: sampleSource, auth }]]),
    onAnswer: (source, status) => answers.push([source, status]),
  });
  return {
    ...{ routes, records, taken, answers },
    held: () => door.held.bytes(),
    async post(body, headers = {}) {
      const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      const {
        statusCode,
        headers: given,
        body: answer,
      } = await routes.inject({
        method: 'POST',
        url: '/in/shop',
        headers: { 'content-type': 'application/json', ...headers },
        payload,
      });
      return { status: statusCode, headers: given, body: JSON.parse(answer) as Record<string, unknown> };
    },
  };
}

export const partitionOfKey = (key: string): number => partitionOf(Buffer.from(key), 3);
