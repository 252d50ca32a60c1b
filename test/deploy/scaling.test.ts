import { groupOf } from '../../src/app/compose';
import { configFrom } from '../../src/settings/config';
import { named, ofKind } from './manifests';

describe('the scaling of workers', () => {
  interface ScaledObjectSpec {
    readonly scaleTargetRef: { readonly name: string };
    readonly minReplicaCount: number;
    readonly maxReplicaCount: number;
    readonly triggers: readonly {
      readonly type: string;
      readonly authenticationRef: { readonly name: string };
      readonly metadata: Readonly<Record<string, string>>;
    }[];
  }
  const [scaled] = ofKind<ScaledObjectSpec>('ScaledObject');
  const { env, name, container } = named('efs-workers');

  it('follows the lag of both consumer groups, from the beginning of a topic, up to one worker per partition', () => {
    const { partitions, groupId, topicPrefix } = configFrom({ EFS_PARTITIONS: env['EFS_PARTITIONS'] });
    expect(scaled?.spec).toMatchObject({ scaleTargetRef: { name }, maxReplicaCount: partitions });
    expect(scaled?.spec.minReplicaCount).toBeGreaterThan(0);
    const groups = scaled?.spec.triggers.map(({ type, metadata }) => [type, metadata['consumerGroup']]);
    expect(groups).toEqual([
      ['kafka', groupOf({ groupId, topicPrefix }, 'status')],
      ['kafka', groupOf({ groupId, topicPrefix }, 'kpi')],
    ]);
    // A partition without an offset counts as read to its end by default.
    expect(scaled?.spec.triggers.map(({ metadata }) => metadata['offsetResetPolicy'])).toEqual([
      'earliest',
      'earliest',
    ]);
  });

  it('logs in to Kafka as the workers do', () => {
    const [login] = ofKind<{
      env: { name: string; containerName: string }[];
      secretTargetRef: { name: string; key: string }[];
    }>('TriggerAuthentication');
    for (const { metadata, authenticationRef } of scaled?.spec.triggers ?? []) {
      expect(authenticationRef.name).toBe(login?.metadata.name);
      expect(metadata).toMatchObject({ bootstrapServersFromEnv: 'EFS_KAFKA_BROKERS' });
      expect(metadata['sasl']?.replaceAll('_', '')).toBe(env['EFS_KAFKA_SASL']?.replaceAll('-', ''));
      expect(metadata['tls']).toBe(env['EFS_KAFKA_TLS'] === 'on' ? 'enable' : 'disable');
    }
    expect(login?.spec.env).toEqual([
      { parameter: 'username', name: 'EFS_KAFKA_USER', containerName: container.name },
    ]);
    const [password] = login?.spec.secretTargetRef ?? [];
    expect(env['EFS_KAFKA_PASSWORD_FILE']).toBe(`/run/secrets/efs/${password?.key}`);
    expect(password?.name).toBe('efs-secrets');
  });
});
