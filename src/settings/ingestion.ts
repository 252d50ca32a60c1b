import { HOUR_MS } from '../base/time';
import { bearer, duration, hostName, matching, setting, whole } from './kinds';
import type { Secret } from './files';
import { z } from 'zod';

const path = matching(/^[^\p{Cc}]{0,4000}$/u, 'has control characters, or is too long', 'the path of a file');
const words = matching(/^[^\p{Cc}]{0,4000}$/u, 'has control characters, or is too long', 'text');
const name = matching(
  /^[A-Za-z0-9._-]{0,64}$/,
  'has characters that no name of a source may have',
  'at most 64 letters, digits, dots, hyphens and underscores',
);
/** Bearer tokens, passwords, keys and PEM texts alike; what it must be depends on the source's format. */
const secrets = {
  ...bearer,
  schema: z
    .string()
    .max(32_000, 'is too long')
    .transform((text): Secret => ({ text, path: null })),
  expects:
    'what proves a sender: a password, a token or a key; two of them, separated by a comma, to change it',
};

const URLS_MAX = 32;
const isBaseUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  const hasMore = username + password + search + hash !== '';
  return ['http:', 'https:'].includes(protocol) && hostname !== '' && !hasMore;
};

/** Addresses of servers, without a log-in; a wrong one may have one, and is not quoted. */
export const baseUrls = {
  schema: z
    .string()
    .transform((text) => text.split(',').flatMap((part) => part.trim().replace(/\/+$/, '') || []))
    .refine((list) => list.length <= URLS_MAX, `holds more than ${URLS_MAX} URLs`)
    .refine(
      (list) => list.every(isBaseUrl),
      'holds something that is not a URL of http:// or https://, or a URL with a log-in or a query',
    ),
  expects: 'http:// or https:// URLs, separated by commas; a path is allowed',
  show: (value: readonly string[]) => value.join(','),
  secret: true,
};

/** The settings of `efs ingest serve` and `efs ingest kafka`; those of the index are of every `efs ingest` that writes. */
export const INGESTION_SETTINGS = {
  ingestPort: setting('8092', whole(0, 65_535), 'port of `efs ingest serve`; 0 takes a free one'),
  ingestHost: setting('127.0.0.1', hostName, 'address that `efs ingest serve` listens on'),
  ingestConfig: setting(
    '',
    path,
    'file with the sources of `efs ingest serve` and `efs ingest kafka` (YAML or JSON)',
  ),
  ingestFormat: setting('', name, 'format of the one source, where no file names sources'),
  ingestSource: setting(
    '',
    name,
    'name of that source in the path of its requests; the format where it is empty',
  ),
  ingestDeliveryId: setting('', words, 'rules that find the delivery id in events of that source'),
  ingestMessageId: setting('', words, 'rules that find the message id in events of that source'),
  ingestSecret: setting(
    '',
    secrets,
    'what senders of that source prove themselves with; empty asks for nothing',
  ),
  ingestIndexWait: setting(
    '1m',
    duration(0, HOUR_MS),
    'how long an event that asks the index of native ids waits for what it has overtaken; a request waits 2 s at most',
  ),
  ingestIndexBytes: setting(
    '268435456',
    whole(1_048_576, 2_147_483_648),
    'memory for the newest entries of the index of native ids, where a source uses it',
  ),
} as const;
