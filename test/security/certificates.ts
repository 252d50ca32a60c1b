import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Paths of PEM files: an authority, a certificate for 127.0.0.1 that it has signed, and another authority. */
export interface Certificates {
  readonly ca: string;
  readonly caKey: string;
  readonly cert: string;
  readonly key: string;
  /** Certificate and key in one file, as Kafka's key stores want them. */
  readonly both: string;
  readonly otherCa: string;
  remove(): void;
}

/** Makes certificates that are good for a day. Needs openssl. */
export async function makeCertificates(): Promise<Certificates> {
  const dir = mkdtempSync(join(tmpdir(), 'efs-test-tls-'));
  const path = (name: string): string => join(dir, name);
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: dir });
  const pair = (name: string): string[] => ['-nodes', '-keyout', `${name}.key`, '-newkey', 'rsa:2048'];
  for (const name of ['ca', 'other']) {
    await openssl('req', '-x509', ...pair(name), '-out', `${name}.pem`, '-days', '1', '-subj', `/CN=${name}`);
  }
  await openssl('req', ...pair('peer'), '-out', 'peer.csr', '-subj', '/CN=peer');
  writeFileSync(path('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names', '-days', '1'];
  await openssl('x509', '-req', '-in', 'peer.csr', ...signed, '-out', 'peer.pem');
  writeFileSync(
    path('both.pem'),
    readFileSync(path('peer.key'), 'utf8') + readFileSync(path('peer.pem'), 'utf8'),
  );
  return {
    ca: path('ca.pem'),
    caKey: path('ca.key'),
    cert: path('peer.pem'),
    key: path('peer.key'),
    both: path('both.pem'),
    otherCa: path('other.pem'),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
