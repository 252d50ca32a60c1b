import { systemClock } from '../../src/base/clock';
import { feedbackDecoder } from '../../src/feedback/decode';
import { confluentRegistry } from '../../src/avro/registry.confluent';
import { SCHEMAS } from '../../src/feedback/schemas';
import { describeWithServers } from '../servers/servers';
import { framed, recordOf, VALID } from '../feedback/decode.builders';

// The relay event's policy as a separate schema, to which the event's schema refers by name.
const { fields, ...relayed } = JSON.parse(SCHEMAS.Relayed.text) as {
  fields: { name: string; type: unknown }[];
};
const POLICY = { type: 'enum', name: 'Policy', namespace: 'efs.feedback', symbols: ['EFS', 'RELAY'] };
const REFERRING = {
  ...relayed,
  fields: fields.map((field) =>
    field.name === 'policy' ? { ...field, type: ['null', 'efs.feedback.Policy'] } : field,
  ),
};

describeWithServers(['registry'], 'a schema that refers to another', (servers) => {
  it('is resolved through the registry’s reference', async () => {
    const run = `references-${process.pid}-${Date.now()}`;
    const register = async (subject: string, body: object): Promise<number> => {
      const answer = await fetch(`${servers.registryUrl}/subjects/${run}-${subject}/versions`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        body: JSON.stringify(body),
      });
      return ((await answer.json()) as { id: number }).id;
    };
    await register('policy', { schema: JSON.stringify(POLICY) });
    const id = await register('relayed', {
      schema: JSON.stringify(REFERRING),
      references: [{ name: 'efs.feedback.Policy', subject: `${run}-policy`, version: 1 }],
    });
    const registry = confluentRegistry({ url: servers.registryUrl, timeoutMs: 10_000 });
    const decode = feedbackDecoder({
      registry,
      clock: systemClock,
      limits: { maxValueBytes: 1_000, maxHeaders: 10 },
      topics: [{ kind: 'Relayed' }],
      partitioner: 'off',
      partitions: 1,
    });
    const value = framed(id, 'Relayed', { ...VALID.Relayed, policy: 'RELAY' });
    const { inputs, rejected } = await decode([recordOf('Relayed', value)]);
    expect([inputs, rejected]).toMatchObject([[{ kind: 'Relayed', policy: 'RELAY' }], []]);
  });
});
