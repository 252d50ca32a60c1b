import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/settings/config';

const PAGE = readFileSync(join(__dirname, '..', '..', 'docs', 'clouds.md'), 'utf8');

/** The settings of each block, by the heading above it. */
const blocks = PAGE.split('\n## ')
  .slice(1)
  .flatMap((part) => {
    const heading = part.split('\n', 1)[0] ?? '';
    return [...part.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text = '']) => {
      const lines = text.trim().split('\n');
      const pairs = lines.map((line) => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1).replace(/^'(.*)'$/, '$1')] as const;
      });
      return [heading, Object.fromEntries(pairs)] as const;
    });
  });

describe('the settings for managed servers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'efs-test-clouds-'));
  const ca = join(folder, 'ca.pem');
  beforeAll(() => writeFileSync(ca, '-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('exist for every provider', () => {
    expect([...new Set(blocks.map(([heading]) => heading))]).toEqual([
      'Confluent Cloud',
      'Amazon MSK',
      'Redpanda',
      'Azure Event Hubs',
      'Aiven',
    ]);
  });

  // The signer for Amazon MSK is an optional peer, which is not installed here.
  it.each(blocks)('of %s are valid: %j', (_, block) => {
    const result = readConfig('EFS_KAFKA_CA_FILE' in block ? { ...block, EFS_KAFKA_CA_FILE: ca } : block);
    const problems = 'errors' in result ? result.errors : [];
    expect(problems).toEqual(
      block['EFS_KAFKA_SASL'] === 'aws-msk-iam'
        ? [expect.stringContaining('needs a package that is not installed')]
        : [],
    );
  });
});
