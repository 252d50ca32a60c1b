import { parseDocument } from 'yaml';
import { z } from 'zod';
import { classTablesOf } from '../mta/class-file';
import { NO_ADDITIONS } from '../mta/classify';
import type { Json } from '../mta/json';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../base/time';
import type { Auth } from './auth';
import { authError, authOf, authOfSecret, type AuthResult } from './auth-settings';
import { type GivenSource, ofFormat, sourceErrors } from './configure';

/** A source of the file: what it is, and how its events come in. */
export interface ConfiguredSource {
  readonly given: GivenSource;
  /** Null where no requests are taken for it. */
  readonly auth: Auth | null;
  /** Makes the auth again of the files that hold its secrets. Null where none does. */
  readonly renewAuth: (() => AuthResult) | null;
  readonly kafka: { readonly topic: string; readonly group: string } | null;
}

/** What a file of sources may refer to. */
export interface Surroundings {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** The secret in a file. Throws an error whose message says why it cannot be read. */
  secretIn(path: string): string;
}

export type Configured =
  { readonly ok: readonly ConfiguredSource[] } | { readonly errors: readonly string[] };

const NAME = /^[A-Za-z0-9._-]{1,64}$/u;
const VARIABLE = /\$\{(\w+)\}/gu;
const UNITS: Readonly<Record<string, number>> = { s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

const rules = z.union([z.string().transform((rule) => [rule]), z.array(z.string()).min(1)], {
  error: 'is no rule and no list of rules; write it like [headers.X-Delivery-ID, native]',
});
const validity = z
  .string({ error: 'is no span of time; write it like 84h' })
  .regex(/^\d{1,9}[smhd]$/u, 'is no span of time; write it like 84h')
  .transform((span) => parseInt(span, 10) * (UNITS[span.slice(-1)] ?? NaN));
const sourceSchema = z.strictObject({
  format: z.string({ error: 'is missing; `efs ingest formats` lists them' }),
  auth: z.unknown().optional(),
  identity: z.strictObject({ deliveryId: rules.optional(), messageId: rules.optional() }).optional(),
  relayed: z
    .strictObject({
      policy: z.enum(['EFS', 'RELAY'], { error: 'is neither EFS nor RELAY' }).optional(),
      validity: validity.optional(),
    })
    .optional(),
  notRelayed: z.enum(['fail', 'drop'], { error: 'is neither fail nor drop' }).optional(),
  zone: z.string().optional(),
  columns: z.array(z.string()).min(1).optional(),
  classes: z.unknown().optional(),
  kafka: z
    .strictObject({
      topic: z.string({ error: 'is missing; name the topic that the MTA writes to' }).min(1).max(249),
      group: z
        .string({ error: 'is missing; name the consumer group that keeps the position' })
        .min(1)
        .max(200),
    })
    .optional(),
});
type SourceEntry = z.infer<typeof sourceSchema>;

/** The value with every `${VARIABLE}` in its texts replaced; names of variables that are not set go to `missing`. */
function filled(
  value: unknown,
  path: string,
  variables: Surroundings['variables'],
  missing: string[],
): unknown {
  if (typeof value === 'string')
    return value.replace(VARIABLE, (_, name: string) => {
      const text = variables[name];
      if (text === undefined || text === '') missing.push(`${path}: the variable ${name} is not set; set it`);
      return text ?? '';
    });
  if (Array.isArray(value))
    return value.map((each, index) => filled(each, `${path}.${index}`, variables, missing));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, each]) => [
    name,
    filled(each, path === '' ? name : `${path}.${name}`, variables, missing),
  ]);
  return Object.fromEntries(entries) as unknown;
}

function issuesOf(error: z.ZodError, path: string): string[] {
  return error.issues.map((issue) => {
    const at = [path, ...issue.path.map(String)].join('.');
    if (issue.code === 'unrecognized_keys') {
      const known =
        issue.path.length === 0 ? `; a source has ${Object.keys(sourceSchema.shape).join(', ')}` : '';
      return `${at}: ${issue.keys.join(', ')} is not known here${known}`;
    }
    return `${at}: ${issue.message}`;
  });
}

function givenOf(name: string, entry: SourceEntry): GivenSource {
  const { format, identity, relayed, notRelayed, zone, columns } = entry;
  return {
    ...ofFormat(format),
    name,
    deliveryId: identity?.deliveryId ?? null,
    messageId: identity?.messageId ?? null,
    policy: relayed?.policy ?? null,
    validityPeriodMs: relayed?.validity ?? null,
    notRelayed: notRelayed ?? 'fail',
    zone: zone ?? 'Z',
    columns: columns ?? null,
  };
}

/** A source's own classes, or what is wrong with them. */
function classesOf({ classes }: SourceEntry): ReturnType<typeof classTablesOf> {
  return classes === undefined ? { tables: NO_ADDITIONS } : classTablesOf(classes as Json);
}

/** One source, or everything that is wrong with it. */
function sourceOf(name: string, value: unknown, around: Surroundings): ConfiguredSource | readonly string[] {
  const path = `sources.${name}`;
  const errors: string[] = NAME.test(name)
    ? []
    : [`${path}: has characters that no name of a source may have; use letters, digits, dots and hyphens`];
  const parsed = sourceSchema.safeParse(value);
  if (!parsed.success) return [...errors, ...issuesOf(parsed.error, path)];
  const entry = parsed.data;
  const given = givenOf(name, entry);
  const inIdentity = (error: string): string => (/^(?:delivery|message)Id:/u.test(error) ? 'identity.' : '');
  errors.push(...sourceErrors(given).map((error) => `${path}.${inIdentity(error)}${error}`));
  const classes = classesOf(entry);
  if ('errors' in classes) errors.push(...classes.errors.map((error) => `${path}.classes.${error}`));
  let isInFile = false;
  const makeAuth = (): AuthResult =>
    authOf(entry.auth, (file) => {
      isInFile = true;
      return around.secretIn(file);
    });
  const auth = makeAuth();
  if ('error' in auth) errors.push(`${path}.auth${auth.error}`);
  if (errors.length > 0 || 'error' in auth || 'errors' in classes) return errors;
  const isServed = entry.kafka === undefined || entry.auth !== undefined;
  return {
    given: { ...given, classes: classes.tables },
    auth: isServed ? auth.ok : null,
    renewAuth: isServed && isInFile ? makeAuth : null,
    kafka: entry.kafka ?? null,
  };
}

const noSources =
  'sources: is missing; a file of sources begins with `sources:`, and below it a name with its `format:`';

/**
 * The sources of a file in YAML or JSON, or everything that is wrong with it, each with its place and what to do. No secret is
 * quoted.
 */
export function sourcesIn(text: string, around: Surroundings): Configured {
  const document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0) {
    const lineOf = (offset: number): number => text.slice(0, offset).split('\n').length;
    return { errors: document.errors.map(({ code, pos }) => `line ${lineOf(pos[0])}: is no YAML (${code})`) };
  }
  const missing: string[] = [];
  const content = filled(document.toJS(), '', around.variables, missing);
  if (missing.length > 0) return { errors: missing };
  const file = z.strictObject({ sources: z.record(z.string(), z.unknown()) }).safeParse(content);
  if (!file.success || Object.keys(file.data.sources).length === 0) return { errors: [noSources] };
  const sources = Object.entries(file.data.sources).map(([name, value]) => sourceOf(name, value, around));
  const errors = sources.flatMap((each) => (isErrors(each) ? each : []));
  if (errors.length > 0) return { errors };
  return { ok: sources.flatMap((each) => (isErrors(each) ? [] : [each])) };
}

const isErrors = (made: ConfiguredSource | readonly string[]): made is readonly string[] =>
  Array.isArray(made);

/** The one source that settings name, without a file. */
export function sourceOfSettings(settings: {
  readonly format: string;
  readonly name: string;
  readonly deliveryId: string;
  readonly messageId: string;
  readonly secret: string;
  /** Reads the secret again. Null where it is in no file. */
  readonly renewSecret: (() => string) | null;
}): Configured {
  const listed = (text: string): string[] | null =>
    text === '' ? null : text.split(',').map((part) => part.trim());
  const { format, name, secret, renewSecret } = settings;
  const given: GivenSource = {
    ...ofFormat(format),
    name: name === '' ? format : name,
    deliveryId: listed(settings.deliveryId),
    messageId: listed(settings.messageId),
  };
  const variable = (error: string): string =>
    `EFS_INGEST_${(/^\w+/u.exec(error)?.[0] ?? '').replace(/[A-Z]/gu, '_$&').toUpperCase()}${error.replace(/^\w+/u, '')}`;
  const authBy = (text: string): AuthResult => authOfSecret(format, listed(text) ?? []);
  const auth = authBy(secret);
  const errors = [
    ...sourceErrors(given).map(variable),
    ...('error' in auth ? [`EFS_INGEST_SECRET${auth.error}`] : []),
  ];
  if (errors.length > 0 || 'error' in auth) return { errors };
  const renewAuth = renewSecret === null ? null : () => authBy(renewSecret());
  return { ok: [{ given, auth: auth.ok, renewAuth, kafka: null }] };
}

/** What is wrong with sources that listen on a host; empty where nothing is. */
export function exposureErrors(sources: readonly ConfiguredSource[], isLoopback: boolean): string[] {
  return sources.flatMap(({ given, auth }) => {
    const error = auth === null ? null : authError(auth, isLoopback);
    return error === null ? [] : [`sources.${given.name}.auth: ${error}`];
  });
}
