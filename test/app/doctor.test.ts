import { createServer } from 'node:net';
import { examine } from '../../src/app/doctor';
import { openAccess } from '../../src/app/serve';
import { memoryRegistry } from '../../src/avro/registry.memory';
import { EfsError } from '../../src/base/errors';
import { NO_LOG } from '../../src/base/log';
import { SCHEMAS, TOPIC_SCHEMAS } from '../../src/feedback/schemas';
import { missingIn } from '../../src/kafka/brokers.kafka';
import type { Finding } from '../../src/service/doctor/finding';
import { serverFindings } from '../../src/service/doctor/kafka';
import { checkMachine, type MachineFacts } from '../../src/service/doctor/machine';
import { clockFindings, memoryFindings, persistenceFindings } from '../../src/service/doctor/redis';
import { checkRegistry } from '../../src/service/doctor/registry';
import { unreplicatedTopics } from '../../src/service/topic-configs';
import { readConfig } from '../../src/settings/config';
import { masterIn } from '../../src/store/info';
import { state } from './doctor-state';

const NOWHERE = {
  EFS_KAFKA_BROKERS: '127.0.0.1:1',
  EFS_SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
  EFS_REDIS_URL: 'redis://127.0.0.1:1',
  EFS_HTTP_PORT: '0',
};
const whole = (env: Record<string, string>): Promise<readonly Finding[]> => examine(readConfig(env), NO_LOG);

const SOUND: MachineFacts = {
  node: 'v20.19.1',
  nodeWanted: '>=20.19',
  brokenCodecs: new Map(),
  port: 'free',
  openAccess: null,
};
const machine = (fault: Partial<MachineFacts>): readonly Finding[] => checkMachine({ ...SOUND, ...fault });

const MASTER = 'redis_version:7.0.15\r\nused_memory:90\r\naof_enabled:1\r\n';
const master = (info: string) => [masterIn('redis:6379', MASTER + info, null)];

const broker = (name: string, failure: EfsError | null = null, lacks: readonly string[] = []) => ({
  name,
  failure,
  lacks,
});
const down = new EfsError('kafka-unavailable', 'connect ECONNREFUSED');

/** A registry after `efs setup`, but for one record, whose subject has what `otherwise` gives it. */
async function registryWithout(record: string, otherwise?: (subject: string) => string) {
  const registrar = memoryRegistry();
  for (const { topic, record: name, compatibility } of TOPIC_SCHEMAS) {
    const subject = `${topic}-value`;
    await registrar.setCompatibility(subject, compatibility);
    if (name !== record) await registrar.register(subject, SCHEMAS[name].text);
    else if (otherwise !== undefined) await registrar.register(subject, otherwise(subject));
  }
  return checkRegistry({ registrar, prefix: '' });
}
const foreign = JSON.stringify({ type: 'record', name: 'Other', fields: [{ name: 'x', type: 'long' }] });

const FAULTS: [title: string, Finding['verdict'], check: Finding['check'], RegExp, () => unknown][] = [
  [
    'a misspelt setting',
    'problem',
    'settings',
    /EFS_POLICI: is not a setting/,
    () => whole({ ...NOWHERE, EFS_POLICI: 'efs' }),
  ],
  [
    'a user without its password',
    'problem',
    'settings',
    /EFS_REDIS_USER, EFS_REDIS_PASSWORD/,
    () => whole({ ...NOWHERE, EFS_REDIS_USER: 'efs' }),
  ],
  [
    'a page that others can reach',
    'warning',
    'http-access',
    /0\.0\.0\.0 and ask for no token/,
    () => machine({ openAccess: openAccess({ httpToken: '' }, '0.0.0.0') }),
  ],
  ['a Node that is too old', 'problem', 'node', /v20\.18\.3/, () => machine({ node: 'v20.18.3' })],
  [
    'a codec without its part for this platform',
    'problem',
    'codecs',
    /snappy cannot be read/,
    () => machine({ brokenCodecs: new Map([['snappy', 'no binding']]) }),
  ],
  [
    'a worker on the HTTP port',
    'warning',
    'http-port',
    /a worker of this service/,
    () => machine({ port: 'worker' }),
  ],
  [
    'a broker that is too old',
    'problem',
    'kafka-versions',
    /old lacks Fetch version 11/,
    () =>
      serverFindings({
        named: [broker('a')],
        members: [
          broker(
            'old',
            null,
            missingIn({
              0: { minVersion: 0, maxVersion: 7 },
              1: { minVersion: 0, maxVersion: 10 },
              11: { minVersion: 0, maxVersion: 5 },
            }),
          ),
        ],
      }),
  ],
  [
    'a broker that announces an address out of reach',
    'problem',
    'kafka-brokers',
    /broker 2 .*cannot be reached/,
    () =>
      serverFindings({
        named: [broker('a')],
        members: [broker('broker 1 (a)'), broker('broker 2 (inside:9092)', down)],
      }),
  ],
  [
    'topics with one replica on three brokers',
    'warning',
    'replicas',
    /fewer than 3 hold these topics: in$/,
    () =>
      unreplicatedTopics(
        new Map([
          [
            'in',
            {
              partitions: 1,
              cleanupPolicy: '',
              retentionMs: -1,
              retentionBytes: -1,
              maxMessageBytes: 1,
              replicas: 1,
              inSync: 1,
              minInSync: 1,
            },
          ],
        ]),
        3,
      ).map(({ problem: text, remedy }) => ({ check: 'replicas', verdict: 'warning', text, remedy })),
  ],
  [
    'a schema that a worker writes and the registry lacks',
    'problem',
    'schemas',
    /efs\.delivery-kpi-value does not have/,
    () => registryWithout('KpiChanged'),
  ],
  [
    'a schema of a producer that the registry lacks',
    'warning',
    'schemas',
    /mta\.relayed-value does not have/,
    () => registryWithout('Relayed'),
  ],
  [
    'a subject with versions of another program',
    'problem',
    'schemas',
    /not compatible with/,
    () => registryWithout('KpiChanged', () => foreign),
  ],
  [
    'a Redis that is nearly full',
    'warning',
    'redis-memory',
    /90 % of maxmemory/,
    () => memoryFindings(master('maxmemory:100\r\n')),
  ],
  [
    'a Redis that cannot save',
    'problem',
    'redis-persistence',
    /MISCONF/,
    () => persistenceFindings(master('aof_last_write_status:err\r\n')),
  ],
  ['a clock that is ahead', 'warning', 'clock', /3600 s ahead/, () => clockFindings(3_600_000)],
  ['a clock that is behind', 'warning', 'clock', /3600 s behind/, () => clockFindings(-3_600_000)],
  [
    'a state that was built with other settings',
    'problem',
    'state',
    /EFS_BUCKETS was 1 and is now 4/,
    () => state({ settings: { buckets: 4 } }),
  ],
  [
    'a state that was built with other settings, where a worker follows them',
    'warning',
    'state',
    /follows: EFS_BUCKETS was 1 and is now 4/,
    () => state({ settings: { buckets: 4 }, followsSettings: true }),
  ],
  [
    'a state of another number of partitions, which a worker does not follow',
    'problem',
    'state',
    /partitions was 1 and is now 2/,
    () => state({ settings: { partitions: 2, buckets: 4 }, followsSettings: true }),
  ],
  [
    'a topic that was created again',
    'problem',
    'state-topics',
    /was deleted and created again/,
    () => state({ id: 'other' }),
  ],
  [
    'records deleted before they were folded',
    'problem',
    'state-positions',
    /the next offset is 5, but the log holds 7/,
    () => state({ low: 7 }),
  ],
  [
    'a task whose state is lost',
    'warning',
    'state-positions',
    /lost the state of status\/0, kpi\/0/,
    () => state({ isLost: true }),
  ],
];

describe('efs doctor', () => {
  it.each(FAULTS)('finds %s: a %s of %s', async (_title, verdict, check, text, plant) => {
    const findings = (await plant()) as readonly Finding[];
    const found = findings.filter((each) => each.check === check && each.verdict !== 'ok');
    expect(found).toEqual([
      { check, verdict, text: expect.stringMatching(text), remedy: expect.stringMatching(/\w/) },
    ]);
  });

  it('finds nothing in what is sound', async () => {
    const sound = [
      ...machine({}),
      ...serverFindings({ named: [broker('a')], members: [broker('broker 1 (a)')] }),
      ...(await registryWithout('')),
      ...memoryFindings(master('maxmemory:0\r\n')),
      ...persistenceFindings(master('')),
      ...clockFindings(-1_000),
      ...(await state({})),
    ];
    expect(sound.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
  });

  it('names every server that does not answer, all at once', async () => {
    const findings = await whole(NOWHERE);
    const problems = findings.filter(({ verdict }) => verdict === 'problem').map(({ check }) => check);
    expect(problems).toEqual(['kafka-brokers', 'registry', 'redis']);
  });

  it('asks no server whose settings are wrong', async () => {
    const findings = await whole({ ...NOWHERE, EFS_KAFKA_SASL: 'plain' });
    expect(findings.find(({ check }) => check === 'kafka-brokers')?.text).toMatch(/^not checked/);
    expect(findings.find(({ check }) => check === 'registry')?.verdict).toBe('problem');
  });

  it('finds another program on the HTTP port', async () => {
    const other = createServer((socket) => socket.end('220 hello\r\n'));
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port));
    });
    const findings = await whole({ ...NOWHERE, EFS_HTTP_PORT: String(port) });
    other.close();
    const found = findings.find(({ check }) => check === 'http-port');
    expect(found).toMatchObject({ verdict: 'problem', text: expect.stringContaining(`port ${port}`) });
  });
});
