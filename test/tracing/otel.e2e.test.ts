import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { efs, type Settings, startRun, type Worker } from '../fire/processes';
import { until } from '../fire/stage';
import { describeWithServers } from '../servers/servers';

const ROOT = join(__dirname, '..', '..');
const MESSAGES = 30;

/** The file `otel.mjs` as docs/operations.md shows it. */
function documented(): string {
  const page = readFileSync(join(ROOT, 'docs', 'operations.md'), 'utf8');
  const [, code] = /^`otel\.mjs`:\n\n```js\n([^]*?)^```$/m.exec(page) ?? [];
  if (code === undefined) throw new Error('the page shows no otel.mjs');
  return code;
}

interface OtlpSpan {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}

/** A collector that takes OTLP over HTTP, as JSON. */
async function openCollector() {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString());
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const spansOf = (body: string): OtlpSpan[] => {
    const { resourceSpans } = JSON.parse(body) as {
      resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[];
    };
    return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  };
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    text: () => bodies.join('\n'),
    spans: () => bodies.flatMap(spansOf),
    close: () => server.close(),
  };
}

describeWithServers(['kafka', 'registry', 'redis'], 'tracing as documented', (servers) => {
  jest.setTimeout(120_000);
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  // Within the checkout, so that the SDK is found beside the service.
  const folder = mkdtempSync(join(ROOT, '.cache', 'otel-'));
  let collector: Awaited<ReturnType<typeof openCollector>>;
  let service: Worker | undefined;
  beforeAll(async () => void (collector = await openCollector()));
  afterAll(() => {
    service?.signal('SIGKILL');
    collector.close();
    rmSync(folder, { recursive: true });
  });

  test('exports the spans of ingestion and of both pipelines, also the last ones, and nothing of a recipient', async () => {
    const [file, log] = [join(folder, 'otel.mjs'), join(folder, 'kumo.log')];
    writeFileSync(file, documented());
    const bounces = Array.from({ length: MESSAGES }, (_, index) => ({
      ...{ type: 'Bounce', id: `secret-${index}`, recipient: 'ann@secret.example', timestamp: 1_795_600_000 },
      ...{ response: { code: 550, content: 'no ann@secret.example' }, num_attempts: 0 },
      headers: { 'X-Delivery-ID': 'secret-delivery', 'X-Message-ID': `secret-${index}` },
    }));
    writeFileSync(log, bounces.map((each) => `${JSON.stringify(each)}\n`).join(''));
    const name = `otel-${randomBytes(4).toString('hex')}`;
    const settings: Settings = {
      EFS_KAFKA_BROKERS: servers.kafkaBrokers.join(','),
      EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
      EFS_REDIS_URL: servers.redisUrl,
      EFS_TOPIC_PREFIX: `${name}.`,
      EFS_GROUP_ID: name,
      EFS_PARTITIONS: '2',
    };
    const traced: Settings = {
      ...settings,
      NODE_OPTIONS: `--import ${pathToFileURL(file).href}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.address,
      // Longer than this test: what arrives was sent at the end.
      OTEL_BSP_SCHEDULE_DELAY: '600000',
    };
    expect(await efs(['setup'], settings)).toMatchObject({ exitCode: 0 });
    expect(await efs(['ingest', 'kumomta', log], traced)).toMatchObject({ exitCode: 0 });
    expect(new Set(collector.spans().map((span) => span.name))).toEqual(
      new Set(['efs.ingest', 'efs.publish']),
    );

    const running = (service = startRun('traced', traced));
    await until('it listens', () => running.hasLogged('"starting"'), 60_000);
    const published = () => running.counter('efs_kpi_changes_total').catch(() => 0);
    await until('it publishes KPIs', async () => (await published()) > 0, 60_000);
    running.signal('SIGTERM');
    expect(await running.ended).toMatchObject({ exitCode: 0 });

    const spans = collector.spans();
    const batches = new Map(
      spans.filter((span) => span.name === 'efs.batch').map((span) => [span.spanId, span]),
    );
    const below = spans.filter(({ parentSpanId = '' }) => batches.has(parentSpanId)).map((span) => span.name);
    expect(new Set(below)).toEqual(new Set(['efs.load', 'efs.commit', 'efs.publish']));
    for (const text of ['"efs"', '"status"', '"kpi"'])
      expect(collector.text()).toContain(`"stringValue":${text}`);
    expect(collector.text()).not.toMatch(/@|secret/);
  });
});
