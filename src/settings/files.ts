import { readFileSync } from 'node:fs';

/** A PEM file that has been read: its path, and its content at that time. */
export interface PemFile {
  readonly path: string;
  readonly pem: string;
}

/** A secret as it was read at the start. `path` is the file that holds it; null where the environment does. */
export interface Secret {
  readonly text: string;
  readonly path: string | null;
}

export type PemKind = 'CERTIFICATE' | 'PRIVATE KEY';

/** The text of a file. Throws an error whose message states why it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`, {
      cause: error,
    });
  }
}

/** The text of a file that has a PEM block of this kind. Throws an error whose message states what is wrong. */
export function readPem(path: string, kind: PemKind): string {
  const pem = readText(path);
  // Keys also come as RSA PRIVATE KEY and EC PRIVATE KEY.
  if (!new RegExp(`-----BEGIN ([A-Z]+ )?${kind}-----`).test(pem))
    throw new Error(`holds no PEM block ${kind}`);
  return pem;
}

/** The secret in a file, without blanks around it. Throws an error whose message states what is wrong with the file. */
export function readSecret(path: string): string {
  const text = readText(path).trim();
  if (text === '') throw new Error('is empty');
  if (/\p{Cc}/u.test(text)) throw new Error('has control characters');
  return text;
}
