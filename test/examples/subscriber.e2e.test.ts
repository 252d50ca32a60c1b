import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { systemClock, systemRandom } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { confluentRegistry } from '../../src/avro/registry.confluent';
import { SCHEMAS, subjectOf } from '../../src/feedback/schemas';
import { DELIVERY_KPI_TOPIC } from '../../src/feedback/topics';
import { type KpiChanged, wireType } from '../../src/kpi/encode';
import { kafkaTransactionalSinks } from '../../src/kafka/transactional-sink.kafka';
import { changeOf, emptySum } from '../../src/kpi/publish';
import { retryUntil } from '../../src/tasks/retry';
import { efs } from '../cli/process';
import { pollMs } from '../servers/child';
import { describeWithServers } from '../servers/servers';

const EXAMPLE = join(__dirname, '..', '..', 'examples', 'subscriber.mjs');

describeWithServers(['kafka', 'registry'], 'the example subscriber', (servers) => {
  const prefix = `example-${randomBytes(4).toString('hex')}.`;
  const settings = () => ({
    EFS_KAFKA_BROKERS: servers.kafkaBrokers.join(','),
    EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
    EFS_TOPIC_PREFIX: prefix,
  });

  /** A change of a delivery with so many relayed and sent messages. */
  const change = (deliveryId: string, generation: number, revision: number, relayed: number): KpiChanged => {
    const sum = {
      ...emptySum(deliveryId, generation),
      asOf: 1_700_000_000_000,
      revision,
      relayed,
      sent: relayed,
      delivered: relayed,
    };
    const made = changeOf(sum, null, { generation, defaultPolicy: 'EFS' });
    if (made === null) throw new Error('no change');
    return made;
  };

  async function publish(changes: readonly KpiChanged[]): Promise<void> {
    const registry = confluentRegistry({ url: servers.registryUrl, timeoutMs: 5_000 });
    const id = await registry.idOf(subjectOf(prefix, DELIVERY_KPI_TOPIC), SCHEMAS.KpiChanged.text);
    const type = wireType<KpiChanged>(SCHEMAS.KpiChanged, id ?? 0);
    const kafka = kafkaClient({ brokers: servers.kafkaBrokers, clientId: 'test' });
    const sinks = kafkaTransactionalSinks(kafka, {
      clock: systemClock,
      prefix,
      group: `${prefix}kpi`,
    });
    // The first transaction of a broker waits until it has a coordinator.
    const outages = { failed: () => undefined, answered: () => undefined };
    const retryDeps = { clock: systemClock, random: systemRandom, outages };
    const retry = retryUntil(new AbortController().signal, retryDeps);
    const sink = await retry(() => sinks.open('0'));
    const records = changes.map((each) => ({
      ...{ topic: DELIVERY_KPI_TOPIC, partition: 0 },
      ...{ key: Buffer.from(each.deliveryId), value: type.encode(each) },
    }));
    expect(await sink.emit(records, null)).toBe('acknowledged');
    await sink.close();
  }

  test('shows each change once, the newest last, and ignores duplicates and earlier generations', async () => {
    expect((await efs(['setup', '--partitions', '2'], settings())).exitCode).toBe(0);
    const first = change('d1', 1, 10, 100);
    await publish([first, change('d2', 1, 3, 5), first, change('d1', 1, 20, 200), change('d1', 1, 15, 150)]);
    const child = spawn(process.execPath, [EXAMPLE], { env: { ...process.env, ...settings() } });
    let out = '';
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    child.stderr.on('data', (chunk) => (out += String(chunk)));
    const over = new Promise<number | null>((resolve) => child.once('close', resolve));
    const shown = async (text: string): Promise<void> => {
      for (let tries = 0; tries < 200 && !out.includes(text); tries++) await pollMs(100);
      expect(out).toContain(text);
    };
    await shown('d1 EFS success 100.0 % relayed 200 failed 0');
    // While it runs: a later generation is shown although its revision is lower, an earlier one is not.
    await publish([change('d1', 2, 4, 199), change('d1', 1, 99, 999), change('d2', 1, 4, 6)]);
    await shown('d2 EFS success 100.0 % relayed 6 failed 0');
    child.kill('SIGTERM');
    expect(await over).toBe(0);
    const relayed = out
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('{')) // kafkajs' own
      .map((line) => line.replace(/^(\w+) .* relayed (\d+) .*$/, '$1 $2'));
    expect(relayed).toEqual(['d1 100', 'd2 5', 'd1 200', 'd1 199', 'd2 6']);
  });
});
