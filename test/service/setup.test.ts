import type { NewTopic } from '../../src/log/admin';
import { memoryTopicAdmin } from '../support/topic-admin';
import { memoryRegistry } from '../../src/avro/registry.memory';
import { parseWriterSchema } from '../../src/avro/schema';
import { schemaIds, SCHEMAS, WRITTEN_RECORDS } from '../../src/feedback/schemas';
import { FEEDBACK_TOPICS, SETUP_TOPICS } from '../../src/feedback/topics';
import { setup } from '../../src/service/setup';
import { described } from '../avro/registry.contract';

const topic = (name: string, partitions: number, policy = 'delete'): NewTopic => ({
  name,
  partitions,
  replicationFactor: 1,
  config: { 'cleanup.policy': policy },
});

const COMPACTED = ['kpi-contributions', 'retired-deliveries', 'delivery-kpi', 'message-status'].map(
  (name) => `t.efs.${name}`,
);
const DAYS_40 = 40 * 86_400_000;

const run = (
  admin: ReturnType<typeof memoryTopicAdmin>,
  registrar: ReturnType<typeof memoryRegistry>,
  prefix = 't.',
) => setup({ admin, registrar, prefix, partitions: 12, inputRetentionMs: DAYS_40, brokers: ['kafka:9092'] });

describe('set-up', () => {
  it('creates every topic with the wanted partitions, its cleanup policy and as many replicas as there are brokers', async () => {
    const admin = memoryTopicAdmin([], { brokers: 2 });
    await run(admin, memoryRegistry());
    expect([...admin.topics.keys()]).toEqual(SETUP_TOPICS.map((name) => `t.${name}`));
    for (const { name, partitions, replicationFactor, config } of admin.topics.values()) {
      expect([partitions, replicationFactor]).toEqual([12, 2]);
      const isCompacted = COMPACTED.includes(name);
      const isIndex = name === 't.efs.ingest-index';
      expect(config['cleanup.policy']).toBe(isIndex ? 'compact,delete' : isCompacted ? 'compact' : 'delete');
    }
    expect(admin.topics.get('t.efs.dead-letter')?.config['max.message.bytes']).toBe('4194304');
    expect(admin.topics.get('t.efs.ingest-dead-letter')?.config).toMatchObject({
      'max.message.bytes': '4194304',
      'retention.ms': String(30 * 86_400_000),
    });
    expect(admin.topics.get('t.efs.ingest-index')?.config['retention.ms']).toBe(String(252 * 3_600_000));
    for (const { topic: input } of FEEDBACK_TOPICS)
      expect(admin.topics.get(`t.${input}`)?.config).toMatchObject({
        'retention.ms': String(DAYS_40),
        'retention.bytes': '-1',
      });
  });

  it('creates topics with three replicas at most', async () => {
    const admin = memoryTopicAdmin([], { brokers: 9 });
    await run(admin, memoryRegistry());
    expect(admin.topics.get('t.mta.relayed')?.replicationFactor).toBe(3);
  });

  it('registers eight schemas, each under a transitive compatibility level', async () => {
    const registrar = memoryRegistry();
    const steps = await run(memoryTopicAdmin(), registrar);
    expect(await registrar.compatibility('t.mta.relayed-value')).toBe('BACKWARD_TRANSITIVE');
    expect(await registrar.compatibility('t.efs.delivery-kpi-value')).toBe('FULL_TRANSITIVE');
    expect(await registrar.compatibility('t.efs.kpi-contributions-value')).toBe('FULL_TRANSITIVE');
    expect(await registrar.idOf('t.mta.relayed-value', SCHEMAS.Relayed.text)).not.toBeNull();
    expect(steps.filter(({ what }) => what === 'schema')).toHaveLength(9);
  });

  it('reports what it created, and a second time that everything is unchanged', async () => {
    const admin = memoryTopicAdmin();
    const registrar = memoryRegistry();
    const first = await run(admin, registrar);
    expect(new Set(first.map(({ outcome }) => outcome))).toEqual(new Set(['created']));
    const before = [...admin.topics.values()];
    const second = await run(admin, registrar);
    expect(new Set(second.map(({ outcome }) => outcome))).toEqual(new Set(['unchanged']));
    expect(second.map(({ what, name, detail }) => [what, name, detail])).toEqual(
      first.map(({ what, name, detail }) => [what, name, detail]),
    );
    expect([...admin.topics.values()]).toEqual(before);
  });

  it('continues where it was interrupted', async () => {
    const admin = memoryTopicAdmin();
    const registrar = memoryRegistry();
    registrar.setDown(true);
    await expect(run(admin, registrar)).rejects.toMatchObject({ code: 'registry-unavailable' });
    registrar.setDown(false);
    const steps = await run(admin, registrar);
    expect(steps.filter(({ outcome }) => outcome === 'unchanged').map(({ what }) => what)).toEqual(
      SETUP_TOPICS.map(() => 'topic'),
    );
  });

  it('adopts the number of partitions of existing topics, and reports it', async () => {
    const admin = memoryTopicAdmin([topic('t.mta.relayed', 5), topic('t.mta.delivered', 5)]);
    const steps = await run(admin, memoryRegistry());
    expect(new Set([...admin.topics.values()].map(({ partitions }) => partitions))).toEqual(new Set([5]));
    expect(steps[0]).toMatchObject({
      outcome: 'unchanged',
      detail: '5 partitions, as those that exist already (EFS_PARTITIONS asks for 12), delete',
    });
    expect(steps[2]).toMatchObject({ name: 't.mta.hard-bounced', outcome: 'created' });
  });

  it('leaves an existing input unchanged, and warns where its retention is too short', async () => {
    const admin = memoryTopicAdmin([topic('t.mta.relayed', 12), topic('t.efs.dead-letter', 12)]);
    const steps = await run(admin, memoryRegistry());
    expect(admin.topics.get('t.mta.relayed')?.config).toEqual({ 'cleanup.policy': 'delete' });
    expect(steps.flatMap(({ warning = [] }) => warning)).toEqual([
      expect.stringMatching(/^t.mta.relayed keeps only 7 days; .*--bootstrap-server kafka:9092/),
    ]);
  });

  it('names every topic that does not fit, and creates nothing', async () => {
    const admin = memoryTopicAdmin([
      topic('t.mta.relayed', 5, 'compact'),
      topic('t.efs.delivery-kpi', 6),
      topic('t.efs.dead-letter', 5, 'compact,delete'),
      topic('mta.delivered', 99),
    ]);
    const registrar = memoryRegistry();
    const error = (await run(admin, registrar).catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code: 'topic-unfit', retriable: false });
    expect(error.message.split('\n')).toEqual([
      'the topics differ in their number of partitions (t.mta.relayed 5, t.efs.delivery-kpi 6, t.efs.dead-letter 5): ' +
        'recreate those that differ with the same number',
      't.mta.relayed has cleanup.policy=compact: set cleanup.policy=delete',
      't.efs.delivery-kpi has cleanup.policy=delete: set cleanup.policy=compact',
      't.efs.dead-letter has cleanup.policy=compact,delete: set cleanup.policy=delete',
    ]);
    expect(admin.topics.size).toBe(4);
    expect(await registrar.compatibility('t.mta.relayed-value')).toBeNull();
  });

  it('names every subject that does not fit: another level, or incompatible versions', async () => {
    const registrar = memoryRegistry();
    await registrar.setCompatibility('t.mta.relayed-value', 'FULL_TRANSITIVE');
    const other = SCHEMAS.Delivered.text.replace('"attempt","type":"int"', '"attempt","type":"string"');
    await registrar.register('t.mta.delivered-value', other.replace('"default":1', '"default":"1"'));
    const error = (await run(memoryTopicAdmin(), registrar).catch((reason: unknown) => reason)) as Error;
    expect(error).toMatchObject({ code: 'schema-unfit' });
    const [level, versions, ...rest] = error.message.split('\n');
    expect(level).toBe(
      'subject t.mta.relayed-value has compatibility FULL_TRANSITIVE: set it to BACKWARD_TRANSITIVE',
    );
    expect(versions).toMatch(
      /^subject t.mta.delivered-value holds versions that Delivered is not compatible with/,
    );
    expect(rest).toEqual([]);
  });

  it('sets a compatibility level where the registry answers NONE', async () => {
    const registrar = memoryRegistry();
    jest.spyOn(registrar, 'compatibility').mockResolvedValue('NONE');
    const set = jest.spyOn(registrar, 'setCompatibility');
    await run(memoryTopicAdmin(), registrar);
    expect(set).toHaveBeenCalledTimes(9);
  });
});

describe('the schema ids of the records that the service writes', () => {
  it('are those of the registered schemas', async () => {
    const registrar = memoryRegistry();
    await run(memoryTopicAdmin(), registrar);
    const ids = await schemaIds(registrar, 't.', WRITTEN_RECORDS);
    expect(described(await registrar.schemaById(ids.RetryOutcome))).toEqual(
      described(parseWriterSchema(SCHEMAS.RetryOutcome.text)),
    );
    expect(described(await registrar.schemaById(ids.KpiChanged))).toEqual(
      described(parseWriterSchema(SCHEMAS.KpiChanged.text)),
    );
    expect(described(await registrar.schemaById(ids.MessageStatusChanged))).toEqual(
      described(parseWriterSchema(SCHEMAS.MessageStatusChanged.text)),
    );
    expect(described(await registrar.schemaById(ids.Contribution))).toEqual(
      described(parseWriterSchema(SCHEMAS.Contribution.text)),
    );
  });

  it('are reported as missing under another prefix', async () => {
    const registrar = memoryRegistry();
    await run(memoryTopicAdmin(), registrar);
    await expect(schemaIds(registrar, 'u.', WRITTEN_RECORDS)).rejects.toMatchObject({
      code: 'schema-missing',
      message: 'subject u.efs.delivery-kpi-value is not registered',
    });
  });
});
