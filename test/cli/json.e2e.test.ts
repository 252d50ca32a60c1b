import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { efs } from './process';

const SOURCES = join(__dirname, '..', '..', 'examples', 'sources');

const json = (text: string): unknown => JSON.parse(text);
const lines = (text: string): unknown[] => text.trim().split('\n').map(json);

describe('efs --json without servers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'efs-json-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('config print shows each value with where it is from, secrets blanked out', async () => {
    const file = join(folder, 'efs.yaml');
    writeFileSync(file, '# ours\nhttp-port: 9000\nredis-password: s3cret\n');
    const { exitCode, out } = await efs(['config', 'print', '--json', '--config', file, '--buckets', '2'], {
      EFS_GROUP_ID: 'mine',
    });
    expect([exitCode, out.includes('s3cret')]).toEqual([0, false]);
    expect(json(out)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ variable: 'EFS_BUCKETS', value: '2', from: '--buckets', default: '1' }),
        expect.objectContaining({ variable: 'EFS_GROUP_ID', value: 'mine', from: 'EFS_GROUP_ID' }),
        expect.objectContaining({ variable: 'EFS_HTTP_PORT', value: '9000', from: `${file}:2 http-port` }),
        expect.objectContaining({ variable: 'EFS_REDIS_PASSWORD', value: '***' }),
        expect.objectContaining({ variable: 'EFS_POLICY', value: 'efs', from: 'default' }),
      ]),
    );
  });

  test('config check prints every error, and ends with exit code 2', async () => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(file, 'http-prt: 1\n');
    const { exitCode, out } = await efs(['config', 'check', '--json'], { EFS_CONFIG: file, EFS_POLICY: 'x' });
    const { valid, errors } = json(out) as { valid: boolean; errors: string[] };
    expect([exitCode, valid, errors]).toEqual([
      2,
      false,
      [expect.stringContaining(`${file}:1 http-prt: `), expect.stringContaining('EFS_POLICY: "x"')],
    ]);
    const right = await efs(['config', 'check', '--json']);
    expect([right.exitCode, json(right.out)]).toEqual([0, { valid: true, errors: [] }]);
  });

  test('ingest formats prints the formats, and ingest explain what a dry run does', async () => {
    const formats = json((await efs(['ingest', 'formats', '--json'])).out);
    expect(formats).toContainEqual(
      expect.objectContaining({
        format: 'kumomta',
        deliveryId: expect.arrayContaining(['header:X-Delivery-ID']),
      }),
    );
    const log = join(SOURCES, 'kumomta.log');
    const explained = await efs(['ingest', 'explain', 'kumomta', log, '--json']);
    const dry = await efs(['ingest', 'kumomta', log, '--dry-run']);
    expect(lines(explained.out)).toEqual(lines(dry.out));
  });

  test('simulate --as keeps standard output for the events', async () => {
    const args = ['simulate', '--as', 'kumomta', '--messages', '20', '--seed', '1', '--json'];
    const { out, err } = await efs(args);
    expect(json(err)).toEqual({ events: out.trim().split('\n').length, stripped: 0 });
  });

  test('demo prints its address, then the changes of deliveries', async () => {
    const { exitCode, out } = await efs(['demo', '--json', '--for', '3s', '--http-port', '0']);
    const [first, ...changes] = lines(out);
    expect([exitCode, first]).toEqual([0, { address: expect.stringMatching(/^http:\/\/127\.0\.0\.1:/) }]);
    expect(changes[0]).toMatchObject({ revision: expect.any(Number), kpis: { relayed: expect.any(Number) } });
  });
});
