import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Auth, SecretKind } from './auth';
import { publicKey } from './signatures';

/** What was made of a setting, or what is wrong with it: `.basic: is empty; …`. */
export type AuthResult = { readonly ok: Auth } | { readonly error: string };

const SECRETS_MAX = 2;

const secret = z.union([z.string(), z.strictObject({ file: z.string() })]);
const secretsSchema = z.union([secret, z.array(secret).min(1).max(SECRETS_MAX)]);
type Given = z.infer<typeof secretsSchema>;
type SecretIn = (path: string) => string;

/** The secrets that were written, or are in files. Throws an error whose message says what is wrong. */
function secretsOf(value: unknown, secretIn: SecretIn): string[] {
  const parsed = secretsSchema.safeParse(value);
  if (!parsed.success)
    throw new Error('is no secret; write a text, ${VARIABLE}, {file: path}, or a list of two of them');
  const list: readonly Exclude<Given, readonly unknown[]>[] = Array.isArray(parsed.data)
    ? parsed.data
    : [parsed.data];
  return list.map((each) => {
    const text = typeof each === 'string' ? each : fromFile(each.file, secretIn);
    if (text === '') throw new Error('is empty; name what senders prove themselves with');
    return text;
  });
}

function fromFile(path: string, secretIn: SecretIn): string {
  try {
    return secretIn(path);
  } catch (error) {
    throw new Error(`${path} ${(error as Error).message}; name a file that this user may read`, {
      cause: error,
    });
  }
}

function keysOf(texts: readonly string[]): KeyObject[] {
  return texts.map((text) => {
    try {
      return publicKey(text);
    } catch {
      throw new Error('is no public key; copy it from the provider: PEM, or base64 in one line');
    }
  });
}

const HEADER_NAME = /^[\w-]{1,64}$/u;

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function headerName(value: unknown): string {
  const name = field(value, 'name') ?? field(value, 'header');
  if (typeof name === 'string' && HEADER_NAME.test(name)) return name.toLowerCase();
  throw new Error('names no header; write {header: X-Name, secret: …}');
}

/** Makes a way of proof of its value in the file. Throws an error whose message says what is wrong. */
type Make = (value: unknown, secretIn: SecretIn) => Auth;

const bySecrets =
  (kind: SecretKind): Make =>
  (value, secretIn) => ({ kind, secrets: secretsOf(value, secretIn) });

/** By the word in the file. */
const KINDS: Readonly<Record<string, Make>> = {
  basic: bySecrets('basic'),
  bearer: bySecrets('bearer'),
  header: (value, secretIn) => ({
    kind: 'header',
    header: headerName(value),
    secrets: secretsOf(field(value, 'secret'), secretIn),
  }),
  hmac: (value, secretIn) => ({
    kind: 'hmac',
    header: headerName(value),
    encoding: field(value, 'encoding') === 'base64' ? 'base64' : 'hex',
    secrets: secretsOf(field(value, 'secret'), secretIn),
  }),
  mailgun: bySecrets('mailgun'),
  mandrill: (value, secretIn) => {
    const url = field(value, 'url');
    if (typeof url !== 'string' || !URL.canParse(url))
      throw new Error('names no url; write {url: the webhook as Mandrill has it, secret: …}');
    return { kind: 'mandrill', url, secrets: secretsOf(field(value, 'secret'), secretIn) };
  },
  'standard-webhooks': bySecrets('standard-webhooks'),
  postal: (value, secretIn) => ({ kind: 'postal', keys: keysOf(secretsOf(value, secretIn)) }),
  sendgrid: (value, secretIn) => ({ kind: 'sendgrid', keys: keysOf(secretsOf(value, secretIn)) }),
  sns: (value) => {
    const topics = z.array(z.string().startsWith('arn:')).min(1).safeParse(field(value, 'topics'));
    if (!topics.success) throw new Error('lists no topics; write {topics: [arn:aws:sns:…]}');
    return { kind: 'sns', topics: topics.data };
  },
};

function tried(make: () => Auth, at: string): AuthResult {
  try {
    return { ok: make() };
  } catch (error) {
    return { error: `${at}: ${(error as Error).message}` };
  }
}

/** How senders prove themselves, as the file says it; nothing is `none`. */
export function authOf(value: unknown, secretIn: SecretIn): AuthResult {
  if (value === undefined || value === 'none') return { ok: { kind: 'none' } };
  if (value === 'proxy') return { ok: { kind: 'proxy' } };
  const [kind = '', ...more] = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const make = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (make === undefined || more.length > 0)
    return { error: `: is not one of none, proxy, ${Object.keys(KINDS).join(', ')}` };
  return tried(() => make(field(value, kind), secretIn), `.${kind}`);
}

/** What the secret of a format is where nothing else is said: its own signature, or a password. */
export function authOfSecret(format: string, secrets: readonly string[]): AuthResult {
  const noFile: SecretIn = () => '';
  if (secrets.length === 0) return { ok: { kind: 'none' } };
  if (secrets.every((each) => each.startsWith('arn:'))) return { ok: { kind: 'sns', topics: secrets } };
  if (secrets.length > SECRETS_MAX)
    return { error: ': has more than two secrets; keep the old and the new one' };
  const isStandard = secrets.every((each) => each.startsWith('whsec_'));
  const kind = isStandard ? 'standard-webhooks' : format;
  const make = ['mailgun', 'sendgrid', 'postal', 'standard-webhooks'].includes(kind)
    ? KINDS[kind]
    : undefined;
  if (make !== undefined) return tried(() => make([...secrets], noFile), '');
  return { ok: { kind: 'password', secrets } };
}

/** Why a source must not be served so; null where it may. */
export function authError(auth: Auth, isLoopback: boolean): string | null {
  if (auth.kind !== 'none' || isLoopback) return null;
  return 'is absent, and other machines reach this address; say how senders prove themselves, listen on 127.0.0.1, or say `proxy` where a proxy or the network keeps others out';
}
