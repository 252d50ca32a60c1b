import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { type PemFile, type PemKind, readPem, readSecret, type Secret } from '../settings/files';

/** The configured files of a TLS connection. */
export interface TlsFiles {
  readonly ca: PemFile | null;
  readonly cert?: PemFile | null;
  readonly key?: PemFile | null;
}

/**
 * TLS from these files. Each read of `secureContext` (one per connection) rereads them. Files that cannot be used together
 * are then logged, and their previous content stays in effect. Without `ca` the well-known authorities are trusted. Throws
 * `config-invalid` where the files cannot be used at the start.
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
    (problem) => warnUnusable(log, `${paths}: ${problem}`),
  );
  return {
    get secureContext() {
      return current();
    },
  };
}

/**
 * A secret; each call rereads its file, if it has one. A file that cannot be used is then logged, and its previous content
 * stays in effect.
 */
export function renewedSecret({ text, path }: Secret, log: Log): () => string {
  if (path === null) return () => text;
  return lastGood(
    text,
    () => readSecret(path),
    (problem) => warnUnusable(log, `${path}: ${problem}`),
  );
}

/** What files say; each call rereads them. Where `read` throws, that is logged, and what they said before stays in effect. */
export const renewed = <T>(first: T, read: () => T, log: Log): (() => T) =>
  lastGood(first, read, (problem) => warnUnusable(log, problem));

const warnUnusable = (log: Log, reason: string): void =>
  log.warn('configured file cannot be used: its previous content stays in effect', { reason });

/** Returns the result of `read` or, where it throws, the last good one; `onProblem` receives each new problem once. */
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

/** The text, where each certificate in it can be read: OpenSSL skips those that cannot. Throws otherwise. */
function certificates(pem: string): string {
  const begin = '-----BEGIN CERTIFICATE-----';
  for (const block of pem.split(begin).slice(1)) void new X509Certificate(begin + block);
  return pem;
}
