import { randomBytes } from 'node:crypto';
import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaReader } from '../../src/kafka/reader.kafka';
import type { LogRecord } from '../../src/log/source';
import { kafkaSink } from '../../src/kafka/sink.kafka';
import { deadLetter } from '../../src/pipeline/dead-letter';
import { describeWithServers } from '../servers/servers';
import { efs } from './process';

describeWithServers(['kafka', 'registry'], 'efs dead-letters on real servers', (servers) => {
  const prefix = `letters-${randomBytes(4).toString('hex')}.`;
  const settings = () => ({
    EFS_KAFKA_BROKERS: servers.kafkaBrokers.join(','),
    EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
    EFS_TOPIC_PREFIX: prefix,
  });
  const client = () => kafkaClient({ brokers: servers.kafkaBrokers, clientId: 'test' });
  const record = (offset: number, text: string): LogRecord => ({
    topic: 0,
    partition: 1,
    offset,
    timestamp: systemClock.now(),
    key: Buffer.from(`m${offset}`),
    value: Buffer.from(text),
    headerCount: 1,
    headers: () => [{ name: Buffer.from('trace'), value: Buffer.from('x') }],
  });

  beforeAll(async () => {
    expect((await efs(['setup', '--partitions', '2'], settings())).exitCode).toBe(0);
    const sink = kafkaSink(client(), { clock: systemClock, prefix });
    const topics = [`${prefix}mta.relayed`];
    const letters = Array.from({ length: 700 }, (_, i) =>
      deadLetter(
        { record: record(i, 'jane@example.com'), reason: 'not-avro', detail: 'no magic byte' },
        topics,
      ),
    );
    const letter = { record: record(700, ''), reason: 'key-mismatch', detail: 'no key' } as const;
    await sink.emit([...letters, deadLetter(letter, topics)]);
    await sink.close();
  });

  test('list and show print dead letters with addresses masked', async () => {
    const list = await efs(['dead-letters', 'list', '--limit', '3'], settings());
    expect([list.exitCode, list.err]).toEqual([0, '']);
    expect(list.out).toMatch(/^3 of 701: key-mismatch 1, not-avro 700$/m);
    const json = await efs(['dead-letters', 'list', '--reason', 'key-mismatch', '--json'], settings());
    expect(JSON.parse(json.out)).toMatchObject({ id: '1/700', origin: `${prefix}mta.relayed/1/700` });
    const one = await efs(['dead-letters', 'show', '1/5'], settings());
    expect([one.exitCode, one.err]).toEqual([0, '']);
    expect(one.out).toMatch(/^ {2}value +16 bytes$/m);
    expect(one.out).not.toContain('jane@');
    expect((await efs(['dead-letters', 'show', '1/5', '--unmasked'], settings())).out).toContain(
      'jane@example.com',
    );
    const none = await efs(['dead-letters', 'show', '1/9999'], settings());
    expect([none.exitCode, none.err]).toEqual([1, expect.stringContaining('no dead letter at 1/9999')]);
  });

  test('redrive puts each dead letter back once, with its key, value and headers', async () => {
    const flags = ['dead-letters', 'redrive', '--reason', 'not-avro', '--rate', '0'];
    const dry = await efs([...flags, '--dry-run'], settings());
    expect([dry.exitCode, dry.err]).toEqual([0, '']);
    expect(dry.out).toMatch(/^700 would be put back$/m);
    expect((await efs(flags, settings())).out).toMatch(/^700 put back\n {2}mta\.relayed 700$/m);
    expect((await efs(flags, settings())).out).toMatch(/^0 put back\n700 skipped: put back before$/m);
    const reader = kafkaReader(client(), systemClock);
    const back: LogRecord[] = [];
    await reader.read(`${prefix}mta.relayed`, 1, (each) => back.push(each));
    await reader.close();
    expect(back).toHaveLength(700);
    expect(back[7]).toMatchObject({ key: Buffer.from('m7'), value: Buffer.from('jane@example.com') });
    expect(back[7]?.headers().map(({ name, value }) => `${name}=${value}`)).toEqual([
      'trace=x',
      `efs.redriven-from=${prefix}efs.dead-letter/1/7`,
    ]);
    expect((await efs(['dead-letters', 'list'], settings())).out).toMatch(/^1 of 1: key-mismatch 1$/m);
  });
});
