import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { type PemFile, type PemKind, readPem, readSecret, type Secret } from '../settings/files';

/** The files of a TLS connection, as settings name them. */
export interface TlsFiles {
  readonly ca: PemFile | null;
  readonly cert?: PemFile | null;
  readonly key?: PemFile | null;
}

/**
 * TLS by these files, which are read again each time `secureContext` is: whenever a connection is made. Files that
 * cannot be used together then are logged, and what they held before stays in use. Without `ca` the well-known
 * authorities are trusted. Throws `config-invalid` where the files cannot be used from the start.
 */
export function renewedTls({ ca, cert, key }: TlsFiles, log: Log): { readonly secureContext: SecureContext } {
  const context = (textOf: (file: PemFile, kind: PemKind) => string): SecureContext =>
    createSecureContext({
      ...(ca ? { ca: certificates(textOf(ca, 'CERTIFICATE')) } : {}),
      ...(cert ? { cert: certificates(textOf(cert, 'CERTIFICATE')) } : {}),
      ...(key ? { key: textOf(key, 'PRIVATE KEY') } : {}),
    });
  const paths = [ca, cert, key].flatMap((file) => file?.path ?? []).join(', ');
  const current = lastGood(
    orInvalid(paths, () => context(({ pem }) => pem)),
    () => context(({ path }, kind) => readPem(path, kind)),
    (problem) => unusable(log, `${paths}: ${problem}`),
  );
  return {
    get secureContext() {
      return current();
    },
  };
}

/**
 * A secret, read again at each call where a file holds it. A file that cannot be used then is logged, and what it held
 * before stays in use.
 */
export function renewedSecret({ text, path }: Secret, log: Log): () => string {
  if (path === null) return () => text;
  return lastGood(
    text,
    () => readSecret(path),
    (problem) => unusable(log, `${path}: ${problem}`),
  );
}

const unusable = (log: Log, reason: string): void =>
  log.warn('a file of the settings cannot be used: what it held before stays in use', { reason });

/** Gives what `read` does or, where it throws, what it gave last; `onProblem` is told when that begins. */
function lastGood<T>(first: T, read: () => T, onProblem: (problem: string) => void): () => T {
  let good = first;
  let problem = '';
  return () => {
    try {
      good = read();
      problem = '';
    } catch (error) {
      const { message } = error as Error;
      if (message !== problem) onProblem(message);
      problem = message;
    }
    return good;
  };
}

function orInvalid<T>(paths: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new EfsError('config-invalid', `${paths}: ${(error as Error).message}`, { cause: error });
  }
}

/** The text, where each certificate in it can be read: OpenSSL passes over those that cannot. Throws otherwise. */
function certificates(pem: string): string {
  const begin = '-----BEGIN CERTIFICATE-----';
  for (const block of pem.split(begin).slice(1)) void new X509Certificate(begin + block);
  return pem;
}
