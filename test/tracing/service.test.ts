import { trace } from '@opentelemetry/api';
import { embed } from '../../src/app/embed';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { traced, tracedBatch } from '../../src/tasks/traced';
import { systemClock } from '../../src/base/clock';
import { ingestTopic } from '../../src/ingest/topic';
import { memoryLog } from '../../src/log/log.memory';
import { memoryCommittedOffset, memorySource } from '../../src/log/source.memory';
import { delivered, sampleDoor, sampleSource } from '../ingest/sample-door';
import { turn } from '../support/clock';
import { feedback } from '../support/feedback';
import { type ExportedSpan, registerTracing } from './exported';

// Every text that comes from outside contains one of these.
const FROM_OUTSIDE = /@|secret/;
const MESSAGES = 20;

const sdk = registerTracing();
afterAll(() => trace.disable());
beforeEach(() => sdk.reset());

const named = (name: string): ExportedSpan[] => sdk.spans().filter((span) => span.name === name);
const sum = (spans: readonly ExportedSpan[], attribute: string): number =>
  spans.reduce((total, { attributes }) => total + Number(attributes[attribute]), 0);
const parentOf = ({ parent }: ExportedSpan): ExportedSpan | undefined =>
  sdk.spans().find(({ id }) => id === parent);

describe('the spans of a service', () => {
  beforeEach(async () => {
    const efs = await embed({
      EFS_LINGER_MS: '0',
      EFS_EXPIRY: 'off',
      EFS_RETENTION: '90d',
      EFS_PARTITIONS: '3',
    });
    const reported = Array.from({ length: MESSAGES }, (_, index) => ({
      ...{ messageId: `secret-${index}@mta.example`, deliveryId: 'secret-delivery' },
      ...{ eventId: `secret-event-${index}`, recipientDomain: 'secret.example' },
    }));
    await efs.report(reported.map(feedback.relayed));
    await efs.caughtUp();
    await efs.report(
      reported.map((each) => feedback.hardBounced({ ...each, diagnostic: '550 no ann@secret.example' })),
    );
    // A record that is no feedback, under a key of its own.
    const [{ topic = '' } = {}] = FEEDBACK_TOPICS;
    const poison = { key: Buffer.from('secret-key'), value: Buffer.from('secret@example.net') };
    await efs.sink.emit([{ topic, partition: 0, ...poison }]);
    await efs.caughtUp();
    await efs.stop();
  });

  it('have nothing in them that came from outside', () => {
    expect(sdk.spans().length).toBeGreaterThan(4);
    expect(sdk.spans().filter(({ text }) => FROM_OUTSIDE.test(text))).toEqual([]);
  });

  it('count the records of both pipelines by batch, with where the batch ends', () => {
    const batches = named('efs.batch');
    const status = batches.filter(({ attributes }) => attributes['efs.pipeline'] === 'status');
    expect([sum(status, 'efs.records'), sum(status, 'efs.folded'), sum(status, 'efs.dead_letters')]).toEqual([
      ...[2 * MESSAGES + 1, 2 * MESSAGES, 1],
    ]);
    const kpi = batches.filter(({ attributes }) => attributes['efs.pipeline'] === 'kpi');
    const published = named('efs.publish').filter(
      ({ attributes }) => attributes['efs.pipeline'] === 'status',
    );
    // One more: the record by which the state was given its number.
    expect(sum(kpi, 'efs.records')).toBe(sum(published, 'efs.records') + 1);
    for (const { attributes } of batches) {
      expect(attributes['efs.outcome']).toBe('committed');
      const inputs = attributes['efs.pipeline'] === 'status' ? FEEDBACK_TOPICS.length : 1;
      expect(attributes['efs.positions']).toHaveLength(inputs);
      expect([0, 1, 2]).toContain(attributes['efs.partition']);
    }
  });

  it('have the loading, the commit and the publishing of a batch below it', () => {
    for (const batch of named('efs.batch').filter(({ attributes }) => attributes['efs.outgoing'] !== 0)) {
      const below = sdk.spans().filter(({ parent }) => parent === batch.id);
      expect(below.map(({ name }) => name).sort()).toEqual(['efs.commit', 'efs.load', 'efs.publish']);
      for (const { trace: id, attributes } of below)
        expect([id, attributes['efs.pipeline'], attributes['efs.partition']]).toEqual([
          ...[batch.trace, batch.attributes['efs.pipeline'], batch.attributes['efs.partition']],
        ]);
    }
    expect(named('efs.publish').length).toBeGreaterThan(1);
  });
});

describe('the spans of a task', () => {
  const commit = { epoch: 1, sequence: 1, expected: [4, 7], next: [4, 7], writes: [], outbox: null };
  const claim = { epoch: 1, sequence: 1, positions: [], outbox: null, committedBy: 1 };
  const deps = traced<Parameters<typeof traced>[0]>(
    {
      load: async () => [],
      commit: async () => 'committed',
      emit: async () => 'acknowledged',
      drain: async () => 'acknowledged',
    },
    { pipeline: 'kpi', partition: 2 },
  );
  const processed = { outcome: 'committed', folded: 0, rejected: [], outgoing: [] } as never;

  it('do not include what an idle one does: empty batches, what they load and commit, and nothing to publish', async () => {
    await tracedBatch(
      { pipeline: 'kpi', partition: 2 },
      { records: [], next: [4, 7] },
      async () => processed,
    );
    await deps.load([{ key: 'k', fields: [] } as never]);
    await deps.commit(commit);
    await deps.emit([], { epoch: 1, positions: [] });
    await deps.drain(claim);
    expect(sdk.spans()).toEqual([]);
  });

  it('include a commit that moves a position, and the outbox that was left by the last owner', async () => {
    await deps.commit({ ...commit, next: [4, 8] });
    await deps.drain({ ...claim, outbox: Buffer.alloc(1) });
    expect(sdk.spans().map(({ name, attributes }) => [name, attributes['efs.outcome']])).toEqual([
      ['efs.commit', 'committed'],
      ['efs.publish', 'acknowledged'],
    ]);
  });
});

describe('the span of a request to a door', () => {
  it('states the source, the size and the answer, has its publishing below it, and nothing of its events', async () => {
    const door = sampleDoor();
    const events = ['secret-1', 'secret-2@example.net'].map((message) => ({
      ...{ type: 'delivered', delivery: 'secret-d', message },
    }));
    await door.post([...events, { type: 'secret' }]);
    const [ingest, ...more] = named('efs.ingest');
    expect(more).toEqual([]);
    expect(ingest?.attributes).toEqual({
      ...{ 'efs.source': 'shop', 'efs.bytes': JSON.stringify([...events, { type: 'secret' }]).length },
      'http.response.status_code': 200,
    });
    const [publish] = named('efs.publish');
    expect(publish?.attributes).toEqual({ 'efs.source': 'shop', 'efs.records': 3 });
    expect(publish && parentOf(publish)?.name).toBe('efs.ingest');
    expect(sdk.spans().filter(({ text }) => FROM_OUTSIDE.test(text))).toEqual([]);
  });

  it('states that a request is to be repeated, and its publishing that it failed', async () => {
    await sampleDoor({ emit: () => Promise.reject(new Error('to ann@example.net')) }).post([
      { type: 'delivered', delivery: 'd', message: 'm' },
    ]);
    expect(named('efs.ingest').map(({ attributes }) => attributes['http.response.status_code'])).toEqual([
      503,
    ]);
    expect(named('efs.publish').map(({ attributes }) => attributes['error.type'])).toEqual(['Error']);
  });
});

describe('the span of a batch of a topic that is ingested', () => {
  it('states the source, the partition, the records and where the batch ends', async () => {
    const log = memoryLog({ partitions: 1, clock: systemClock });
    log.create('mta-log', 1);
    for (const message of ['secret-1', 'secret-2@example.net'])
      log.append('mta-log', 0, { key: null, value: Buffer.from(JSON.stringify(delivered(message))) });
    const source = memorySource(log, { topics: ['mta-log'], groupId: 'group' });
    await ingestTopic(
      {
        ...{ source: sampleSource, log: source, topic: 'mta-log', group: 'group', clock: systemClock },
        ...{ committed: memoryCommittedOffset(log), write: async (_, taken) => taken },
        ...{ onTaken: () => undefined, onFailed: () => undefined, onGap: () => undefined },
      },
      (attempt) => attempt(),
    );
    await turn();
    await source.stop();
    expect(sdk.spans().map(({ name, attributes }) => [name, attributes])).toEqual([
      ['efs.ingest', { 'efs.source': 'shop', 'efs.partition': 0, 'efs.records': 2, 'efs.positions': [2] }],
    ]);
  });
});
