import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renewedSecret, renewedTls } from '../../src/app/credentials';
import { recordingLog } from '../base/recording-log';
import { type Certificates, makeCertificates } from '../security/certificates';

const UNUSABLE = 'configured file cannot be used: its previous content stays in effect';

describe('configured files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'efs-test-files-'));
  const inFolder = (name: string): string => join(folder, name);
  let certificates: Certificates;
  let others: Certificates;
  let log: ReturnType<typeof recordingLog>;

  beforeAll(async () => {
    [certificates, others] = await Promise.all([makeCertificates(), makeCertificates()]);
  }, 60_000);
  beforeEach(() => (log = recordingLog()));
  afterAll(() => {
    rmSync(folder, { recursive: true });
    certificates.remove();
    others.remove();
  });

  const file = (path: string) => ({ path, pem: readFileSync(path, 'utf8') });
  const reasons = (): unknown[] =>
    log.entries.map(({ level, message, fields }) => {
      expect([level, message]).toEqual(['warn', UNUSABLE]);
      return fields.reason;
    });

  it('with a password are reread at each log-in, without the blanks around it', () => {
    const path = inFolder('password');
    const password = renewedSecret({ text: 'first', path }, log);
    writeFileSync(path, 'second\n');
    expect(password()).toBe('second');
    writeFileSync(path, 'third');
    expect([password(), reasons()]).toEqual(['third', []]);
  });

  it('with a password that are missing or empty leave the last one in effect, and are logged once', () => {
    const path = inFolder('going');
    const password = renewedSecret({ text: 'first', path }, log);
    expect([password(), password()]).toEqual(['first', 'first']);
    writeFileSync(path, ' \n');
    expect(password()).toBe('first');
    writeFileSync(path, 'second');
    expect(password()).toBe('second');
    rmSync(path);
    expect(password()).toBe('second');
    const missing = `${path}: cannot be read (ENOENT)`;
    expect(reasons()).toEqual([missing, `${path}: is empty`, missing]);
  });

  it('with certificates are reread at each connection', () => {
    const [ca, cert, key] = ['ca', 'cert', 'key'].map(inFolder) as [string, string, string];
    const take = (from: Certificates): void => {
      copyFileSync(from.ca, ca);
      copyFileSync(from.cert, cert);
      copyFileSync(from.key, key);
    };
    take(certificates);
    const tls = renewedTls({ ca: file(ca), cert: file(cert), key: file(key) }, log);
    const first = tls.secureContext;
    take(others);
    expect(tls.secureContext).not.toBe(first);
    expect(reasons()).toEqual([]);
  });

  it.each<[string, (path: Record<'ca' | 'cert' | 'key', string>) => void, RegExp]>([
    ['half a CA', ({ ca }) => writeFileSync(ca, readFileSync(ca, 'utf8').slice(0, 300)), /bad end line/],
    ['no CA', ({ ca }) => writeFileSync(ca, 'garbage'), /holds no PEM block CERTIFICATE/],
    ['a certificate of another key', ({ cert }) => copyFileSync(others.cert, cert), /key values mismatch/],
    ['no key', ({ key }) => rmSync(key), /cannot be read \(ENOENT\)/],
  ])(
    'with certificates that hold %s at a reread leave their previous content in effect, and are logged',
    (_, damage, problem) => {
      const path = { ca: inFolder('ca.pem'), cert: inFolder('cert.pem'), key: inFolder('key.pem') };
      copyFileSync(certificates.ca, path.ca);
      copyFileSync(certificates.cert, path.cert);
      copyFileSync(certificates.key, path.key);
      const tls = renewedTls({ ca: file(path.ca), cert: file(path.cert), key: file(path.key) }, log);
      const good = tls.secureContext;
      damage(path);
      expect([tls.secureContext, tls.secureContext]).toEqual([good, good]);
      expect(tls.secureContext).toBe(good);
      expect(reasons()).toEqual([expect.stringMatching(problem)]);
      expect(reasons()[0]).toContain(Object.values(path).join(', '));
    },
  );

  it('that cannot be used at the start are reported as invalid settings', () => {
    const ca = inFolder('bad.pem');
    writeFileSync(ca, '-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n');
    expect(() => renewedTls({ ca: file(ca) }, log)).toThrow(
      expect.objectContaining({ code: 'config-invalid', message: expect.stringContaining(ca) }),
    );
  });
});
