import type { Clock } from '../base/clock';
import { isRetriable } from '../base/errors';
import type { Log } from '../base/log';
import { DAY_MS, HOUR_MS, LATE_BOUNCES_MS, MINUTE_MS, VALIDITY_MAX_MS } from '../base/time';
import type { TopicAdmin, TopicFacts } from '../log/admin';
import { FEEDBACK_TOPICS } from '../feedback/topics';

/*
 * A rebuild is only as complete as the input topics. Their retention must cover the retention of a delivery, plus the time
 * during which its first message may have been retried and may have bounced after it was accepted.
 */

/** The input retention that deliveries with a retention of `retentionMs` need. */
export const neededRetention = (retentionMs: number): number =>
  retentionMs + VALIDITY_MAX_MS + LATE_BOUNCES_MS;

/** The Kafka topic configuration for this retention. Retention by size is off. */
export const inputConfig = (neededMs: number): Readonly<Record<string, string>> => ({
  'retention.ms': String(neededMs),
  'retention.bytes': '-1',
});

/** An input topic whose records may be deleted while a rebuild still needs them. */
export interface ShortInput {
  /** With the prefix. */
  readonly topic: string;
  /** For an operator: its retention and the needed one. */
  readonly problem: string;
  /** The command that sets it. */
  readonly remedy: string;
  /** Both. */
  readonly warning: string;
}

/** The command that changes a topic's configuration. */
export const configCommand = (
  brokers: readonly string[],
  topic: string,
  settings: readonly string[],
): string =>
  `kafka-configs.sh --bootstrap-server ${brokers.join(',')} --alter --entity-type topics ` +
  `--entity-name ${topic} --add-config ${settings.join(',')}`;

/** The inputs whose effective retention on the broker is shorter than `neededMs`; -1 is unlimited. */
export function shortInputs(
  facts: ReadonlyMap<string, Pick<TopicFacts, 'cleanupPolicy' | 'retentionMs' | 'retentionBytes'>>,
  { prefix, neededMs, brokers }: { prefix: string; neededMs: number; brokers: readonly string[] },
): readonly ShortInput[] {
  return FEEDBACK_TOPICS.flatMap(({ topic: name }) => {
    const topic = prefix + name;
    const found = facts.get(topic);
    if (found?.cleanupPolicy.includes('delete') !== true) return [];
    const { retentionMs, retentionBytes } = found;
    const isShort = retentionMs >= 0 && retentionMs < neededMs;
    if (!isShort && retentionBytes < 0) return [];
    const keeps = [
      ...(isShort ? [inWords(retentionMs)] : []),
      ...(retentionBytes < 0 ? [] : [`${retentionBytes} bytes of each partition`]),
    ];
    const { 'retention.ms': ms, 'retention.bytes': bytes } = inputConfig(neededMs);
    const settings = [
      ...(isShort ? [`retention.ms=${ms}`] : []),
      ...(retentionBytes < 0 ? [] : [`retention.bytes=${bytes}`]),
    ];
    const problem = `${topic} keeps only ${keeps.join(' and ')}; a rebuild needs ${inWords(neededMs)}`;
    const remedy = configCommand(brokers, topic, settings);
    return [{ topic, problem, remedy, warning: `${problem}: ${remedy}` }];
  });
}

function inWords(ms: number): string {
  if (ms < HOUR_MS) return `${Math.round(ms / MINUTE_MS)} minutes`;
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)} hours`;
  return `${Math.floor((ms / DAY_MS) * 10) / 10} days`;
}

const CHECK_EVERY_MS = 5 * MINUTE_MS;

export interface InputRetentionDeps {
  readonly admin: Pick<TopicAdmin, 'describe'>;
  readonly prefix: string;
  readonly neededMs: number;
  readonly brokers: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Receives each input and its warning; null where its retention is long enough. */
  onInput(topic: string, warning: string | null): void;
}

/**
 * Checks the retention of the inputs now and every five minutes until `signal` aborts, and logs each warning once. Where
 * Kafka does not answer, the next check retries; where the user lacks the right (DescribeConfigs), the watch ends.
 */
export async function watchInputRetention(deps: InputRetentionDeps, signal: AbortSignal): Promise<void> {
  const { admin, prefix, clock, log, onInput } = deps;
  const topics = FEEDBACK_TOPICS.map(({ topic }) => prefix + topic);
  const logged = new Map<string, string | null>();
  while (!signal.aborted) {
    try {
      const short = shortInputs(await admin.describe(topics), deps);
      for (const topic of topics) {
        const warning = short.find((each) => each.topic === topic)?.warning ?? null;
        if (warning !== null && logged.get(topic) !== warning)
          log.warn('input topic retention is too short for a rebuild', { topic, reason: warning });
        logged.set(topic, warning);
        onInput(topic, warning);
      }
    } catch (error) {
      if (!isRetriable(error)) return;
    }
    await clock.sleep(CHECK_EVERY_MS, signal);
  }
}
