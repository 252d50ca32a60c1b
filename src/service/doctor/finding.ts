import { EfsError } from '../../base/errors';

/** Every check of `efs doctor`, in the order in which findings are listed, and its subject for the reader. */
export const CHECKS = {
  settings: 'settings',
  node: 'Node',
  codecs: 'compression codecs',
  'http-port': 'HTTP port',
  'http-access': 'access to page and API',
  'kafka-brokers': 'Kafka brokers',
  'kafka-versions': 'Kafka versions',
  'kafka-rights': 'rights in Kafka',
  topics: 'topics',
  'topic-configs': 'configuration of topics',
  'input-retention': 'retention of inputs',
  replicas: 'replicas of topics',
  groups: 'consumer groups',
  registry: 'schema registry',
  schemas: 'schemas',
  'schema-levels': 'compatibility levels',
  redis: 'Redis',
  'redis-memory': 'memory of Redis',
  'redis-persistence': 'persistence of Redis',
  'redis-rights': 'rights in Redis',
  clock: 'clock',
  state: 'state',
  'state-topics': 'topics of the state',
  'state-positions': 'positions of the state',
} as const;

export type Check = keyof typeof CHECKS;

/** The outcome of a check. A problem prevents the start, or ends the service soon after; a warning does not. */
export interface Finding {
  readonly check: Check;
  readonly verdict: 'ok' | 'warning' | 'problem';
  /** What was found. */
  readonly text: string;
  /** What to do about it; null where it is ok. */
  readonly remedy: string | null;
}

export const ok = (check: Check, text: string): Finding => ({ check, verdict: 'ok', text, remedy: null });

export const warning = (check: Check, text: string, remedy: string): Finding => ({
  check,
  verdict: 'warning',
  text,
  remedy,
});

export const problem = (check: Check, text: string, remedy: string): Finding => ({
  check,
  verdict: 'problem',
  text,
  remedy,
});

/** A failure of the table as a problem. Throws any other error, which is a bug. */
export function failed(check: Check, error: unknown): Finding {
  if (!(error instanceof EfsError)) throw error;
  return problem(check, error.message, error.remedy);
}

/** The findings of `ask`; where it throws a failure of the table, that failure as the finding. */
export async function tried(
  check: Check,
  ask: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await ask();
  } catch (error) {
    return [failed(check, error)];
  }
}

/** The findings, or that all is well where there are none. */
export const orOk = (check: Check, found: readonly Finding[], text: string): readonly Finding[] =>
  found.length > 0 ? found : [ok(check, text)];

/** Whether the service would start. */
export const wouldStart = (findings: readonly Finding[]): boolean =>
  findings.every(({ verdict }) => verdict !== 'problem');
