import { z } from 'zod';
import { type DomainGroup, parseDomainGroups, showDomainGroups } from '../base/domain-groups';
import { parseRedisUrl, urlPerHost } from '../base/redis-url';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../base/time';
import { type PemFile, type PemKind, readPem, type Secret } from './files';

/** A setting: its default as text, the accepted values, and its purpose. */
export interface Setting<T = unknown> {
  /** As a person would write it. Must satisfy the schema. */
  readonly fallback: string;
  /** Completes the sentence "set it to ...". */
  readonly expects: string;
  /** The values that it takes, where they are few. */
  readonly choices?: readonly string[];
  readonly doc: string;
  /** May hold a password: never quoted in messages, and `<variable>_FILE` may name a file that holds it. */
  readonly secret: boolean;
  /** Whether it is a flag, too: what a command line holds is read by every user of the machine. */
  readonly isFlag: boolean;
  /** From trimmed, non-empty text (or the default) to the value. Its messages complete "EFS_X ...". */
  readonly schema: z.ZodType<T, string>;
  /** The value as text again; gives what the schema takes, with passwords blanked out. */
  readonly show: (value: T) => string;
  /** The value with the path of the file it was read from, for kinds that are read again later. */
  readonly fromFile?: (value: T, path: string) => T;
}

/** The values of a table of settings, by field. */
export type ValuesOf<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Setting<infer T> ? T : never;
};

/** A row of the table. */
export const setting = <T>(
  fallback: string,
  kind: Pick<Setting<T>, 'schema' | 'expects' | 'choices' | 'show' | 'fromFile'> & {
    secret?: boolean;
    isFlag?: boolean;
  },
  doc: string,
): Setting<T> => ({ secret: false, isFlag: true, ...kind, fallback, doc });

export const whole = (min: number, max: number) => ({
  schema: z
    .string()
    .regex(/^-?\d{1,15}$/, { error: 'is not a whole number in decimal digits', abort: true })
    .transform(Number)
    .pipe(z.number().min(min, `is below ${min}`).max(max, `is above ${max}`)),
  expects: `a whole number from ${min} to ${max}`,
  show: String,
});

const UNITS = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS } as const;

const showDuration = (ms: number): string => {
  const [unit, size] = Object.entries(UNITS)
    .reverse()
    .find(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
};

/** A span of time in milliseconds, written with its unit. */
export const duration = (minMs: number, maxMs: number) => ({
  schema: z
    .string()
    .regex(/^\d{1,12}(ms|s|m|h|d)$/, {
      error: 'is not a number with a unit, such as 90s, 1h or 30d',
      abort: true,
    })
    .transform((text) => parseInt(text, 10) * UNITS[text.replace(/\d+/, '') as keyof typeof UNITS])
    .pipe(
      z
        .number()
        .min(minMs, `is shorter than ${showDuration(minMs)}`)
        .max(maxMs, `is longer than ${showDuration(maxMs)}`),
    ),
  expects: `a span of time from ${showDuration(minMs)} to ${showDuration(maxMs)}, with its unit: ms, s, m, h or d`,
  show: showDuration,
});

export const oneOf = <const T extends string>(...names: readonly T[]) => ({
  schema: z.string().pipe(z.enum(names, { error: `is not one of ${names.join(', ')}` })),
  expects: names.slice(0, -1).join(', ') + ' or ' + names.at(-1),
  choices: names,
  show: (value: T): string => value,
});

export const policy = {
  schema: z
    .string()
    .pipe(z.enum(['efs', 'relay'], { error: 'is neither efs nor relay' }))
    .transform((name): 'EFS' | 'RELAY' => (name === 'efs' ? 'EFS' : 'RELAY')),
  expects: 'efs or relay',
  choices: ['efs', 'relay'],
  show: (value: 'EFS' | 'RELAY') => value.toLowerCase(),
};

export const onOff = {
  schema: z
    .string()
    .pipe(z.enum(['on', 'off'], { error: 'is neither on nor off' }))
    .transform((text) => text === 'on'),
  expects: 'on or off',
  choices: ['on', 'off'],
  show: (value: boolean) => (value ? 'on' : 'off'),
};

export const matching = (pattern: RegExp, problem: string, expects: string) => ({
  schema: z.string().regex(pattern, problem),
  expects,
  show: (value: string) => value,
});

export const hostName = matching(
  /^[A-Za-z0-9._:-]{1,253}$/,
  'is not a host name or address',
  'a host name or an IP address',
);

const BROKER = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/;
const isBroker = (text: string): boolean => {
  const port = Number(BROKER.exec(text)?.[2] ?? 0);
  return port >= 1 && port <= 65535;
};

export const brokers = {
  schema: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine((list) => list.every(isBroker), 'holds a broker that is not host:port'),
  expects: 'brokers as host:port, separated by commas',
  show: (value: readonly string[]) => value.join(','),
};

/** Query parameters that hold no secret. */
const OPEN_PARAMETERS = ['cluster'];

/** Blanks out a URL's password, and its query parameters except those known to hold no secret. */
function redactUrl(text: string): string {
  const urls = urlPerHost(text);
  if (urls === null) return '(not a URL)';
  const [url] = urls;
  const user = url.username + (url.password === '' ? '' : ':***');
  for (const name of url.searchParams.keys()) {
    if (!OPEN_PARAMETERS.includes(name)) url.searchParams.set(name, '***');
  }
  const hosts = urls.map(({ host }) => host).join(',');
  const shown = `${url.protocol}//${user && `${user}@`}${hosts}${url.pathname}${url.search}`;
  return text.endsWith('/') ? shown : shown.replace(/\/$/, '');
}

export const address = (schemes: readonly string[], expects: string) => ({
  schema: z
    .string()
    .refine((text) => URL.canParse(text), { error: 'is not a URL', abort: true })
    .refine((text) => schemes.includes(new URL(text).protocol), {
      error: `does not begin with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
      abort: true,
    })
    .refine((text) => new URL(text).hostname !== '', 'names no host')
    .transform((text) => text.replace(/\/+$/, '')),
  expects,
  show: redactUrl,
  secret: true,
});

export const redisUrl = {
  schema: z.string().transform((text, context): string => {
    const address = parseRedisUrl(text);
    if ('problem' in address) context.addIssue({ code: 'custom', message: address.problem });
    return text.replace(/\/+$/, '');
  }),
  expects:
    'redis://host, hosts of one cluster as redis://host,host or sentinels as redis+sentinel://host,host/name, rediss for TLS; ' +
    'user:password@ before the hosts, their ports and /database at the end are allowed',
  show: redactUrl,
  secret: true,
};

export const domainGroups = {
  schema: z.string().transform((text, context): readonly DomainGroup[] => {
    const { groups, problems } = parseDomainGroups(text);
    for (const message of problems) context.addIssue({ code: 'custom', message });
    return groups;
  }),
  expects: 'group=domain,domain;group=domain,... or none',
  show: showDomainGroups,
};

/** A file that holds a PEM block of this kind; null where none is named. */
export const pemFile = (kind: PemKind) => ({
  schema: z.string().transform((path, context): PemFile | null => {
    if (path === '') return null;
    try {
      return { path, pem: readPem(path, kind) };
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return null;
    }
  }),
  expects: `a file with a PEM block ${kind} that this user may read`,
  show: (value: PemFile | null): string => value?.path ?? '',
});

/** Host names of a server, without ports. */
export const hostNames = {
  schema: z
    .string()
    .transform((text) =>
      text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim().toLowerCase()])),
    )
    .refine(
      (list) => list.every((name) => /^[a-z0-9.-]{1,253}$/.test(name)),
      'holds a name that is not a host name',
    ),
  expects: 'host names without ports, separated by commas',
  show: (value: readonly string[]) => value.join(','),
};

/** A secret that is compared: long enough that it cannot be guessed. */
export const token = {
  schema: z
    .string()
    .regex(/^([\x21-\x7e]{16,1000})?$/, 'is not 16 to 1000 characters of ASCII without blanks'),
  expects: 'at least 16 characters, such as from `openssl rand -hex 32`',
  show: (value: string): string => (value === '' ? '' : '***'),
  secret: true,
  isFlag: false,
};

const secretOf = (text: string): Secret => ({ text, path: null });

/** The common part of all kinds of secrets. */
const hidden = {
  show: ({ text }: Secret): string => (text === '' ? '' : '***'),
  secret: true,
  isFlag: false,
  fromFile: (secret: Secret, path: string): Secret => ({ ...secret, path }),
};

/** A token that a server has issued, as it goes into a header (RFC 6750). */
export const bearer = {
  schema: z
    .string()
    .regex(/^[\w.~+/-]{0,16000}=*$/, 'has characters that no bearer token has, or is too long')
    .transform(secretOf),
  expects: 'a bearer token',
  ...hidden,
};

/** A password: from the environment or from a file, never from the command line. */
export const password = {
  schema: z.string().max(1_000, 'is too long').transform(secretOf),
  expects: 'a password',
  ...hidden,
};

/** A kind of text that may also be empty: not set. */
export const optional = (kind: Pick<Setting<string>, 'schema' | 'expects' | 'show' | 'secret'>) => ({
  ...kind,
  schema: z.string().transform((text, context): string => {
    if (text === '') return text;
    const parsed = kind.schema.safeParse(text);
    for (const { message } of parsed.error?.issues ?? []) context.addIssue({ code: 'custom', message });
    return parsed.data ?? '';
  }),
  show: (value: string): string => (value === '' ? '' : kind.show(value)),
});

/** Pairs by name: `name=value,name=value`. */
export const extensions = {
  schema: z
    .string()
    .regex(
      /^([A-Za-z]+=[\x21-\x2b\x2d-\x7e]+(,[A-Za-z]+=[\x21-\x2b\x2d-\x7e]+)*)?$/,
      'is not name=value,name=value',
    )
    .transform((text): Readonly<Record<string, string>> => {
      const pairs = text === '' ? [] : text.split(',');
      return Object.fromEntries(
        pairs.map((pair) => [pair.split('=', 1)[0], pair.slice(pair.indexOf('=') + 1)]),
      );
    }),
  expects: 'names of letters with their values: name=value,name=value',
  show: (value: Readonly<Record<string, string>>): string =>
    Object.entries(value)
      .map(([name, text]) => `${name}=${text}`)
      .join(','),
};
