import { judge, policyOf, type Judgement, type Policy } from './judge';
import { recordReader, type Fact, type RawRecord, type ReadSettings } from './read';

// The independent recount: every record of the input topics in, everything the service must have published out. Plain
// and slow on purpose: sort all facts by message, judge each message once, count each delivery from its messages.

export interface RecountSettings extends ReadSettings {
  readonly defaultPolicy: Policy;
  /** Domains by group name; what is in none is `other`. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

export interface RecountKpis {
  relayed: number;
  deliverySize: number | null;
  takenIntoAccount: number;
  sent: number;
  failed: number;
  delivered: number;
  success: number | null;
  failedByHardBounce: number;
  failedByAsyncBounce: number;
  failedByRetry: number;
  failedByExpiry: number;
  softBounced: number;
  waitingForRetry: number;
  recovered: number;
  complained: number;
  failedByReason: Record<string, number>;
  byDomain: Record<string, { relayed: number; sent: number; failed: number; softBounced: number }>;
  throughput: Record<string, { successes: number; errors: number }>;
}

export interface RecountedMessage extends Judgement {
  readonly deliveryId: string;
  readonly messageId: string;
}

export interface RecountedDelivery {
  readonly policy: Policy;
  readonly asOf: number;
  /** Records folded, repeats included: the final revision. */
  readonly revision: number;
  readonly kpis: RecountKpis;
}

export interface Recount {
  /** By `topic/partition/offset`: the reasons with which the record may have been dead-lettered. */
  readonly deadLetters: ReadonlyMap<string, readonly string[]>;
  /** By `deliveryId/messageId`. */
  readonly messages: ReadonlyMap<string, RecountedMessage>;
  readonly deliveries: ReadonlyMap<string, RecountedDelivery>;
}

export const DEFAULT_GROUPS: Readonly<Record<string, readonly string[]>> = {
  google: ['gmail.com', 'googlemail.com'],
  microsoft: ['outlook.com', 'hotmail.com', 'live.com', 'msn.com'],
  yahoo: ['yahoo.com', 'ymail.com', 'rocketmail.com', 'aol.com'],
  apple: ['icloud.com', 'me.com', 'mac.com'],
};

/** The group of a lower-case domain. */
export function grouper(groups: RecountSettings['groups']): (lowerCaseDomain: string) => string {
  const byDomain = new Map<string, string>();
  for (const [name, domains] of Object.entries(groups)) {
    for (const domain of domains) byDomain.set(domain.toLowerCase(), name);
  }
  return (domain) => byDomain.get(domain) ?? 'other';
}

const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Splits sorted facts into runs of the same key. */
function runs(facts: readonly Fact[], keyOf: (fact: Fact) => string): Fact[][] {
  const found: Fact[][] = [];
  let key: string | null = null;
  for (const fact of facts) {
    if (keyOf(fact) !== key) {
      found.push([]);
      key = keyOf(fact);
    }
    found.at(-1)!.push(fact);
  }
  return found;
}

function hourOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 13)}Z`;
}

const count = (messages: readonly Judgement[], test: (message: Judgement) => boolean): number =>
  messages.filter(test).length;

function countBy(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}

function byDomain(messages: readonly Judgement[]): RecountKpis['byDomain'] {
  const groups: RecountKpis['byDomain'] = {};
  for (const name of new Set(messages.map((message) => message.group))) {
    const members = messages.filter((message) => message.group === name);
    groups[name] = {
      relayed: members.length,
      sent: count(members, ({ status }) => status === 'SENT'),
      failed: count(members, ({ status }) => status === 'FAILED'),
      softBounced: count(members, ({ softBounced }) => softBounced),
    };
  }
  return groups;
}

function throughput(messages: readonly Judgement[]): RecountKpis['throughput'] {
  const hours: RecountKpis['throughput'] = {};
  const hour = (at: number) => (hours[hourOf(at)] ??= { successes: 0, errors: 0 });
  for (const message of messages) {
    if (message.status === 'FAILED') hour(message.decidedAt!).errors += 1;
    else if (message.status === 'SENT' && message.policy === 'RELAY') hour(message.relayedAt).successes += 1;
    else if (message.status === 'SENT') hour(message.decidedAt!).successes += 1;
  }
  return hours;
}

function kpisOf(messages: readonly Judgement[], policy: Policy, deliverySize: number | null): RecountKpis {
  const failed = messages.filter(({ status }) => status === 'FAILED');
  const sent = count(messages, ({ status }) => status === 'SENT');
  const delivered = count(messages, ({ decidedBy }) => decidedBy === 'success');
  const softBounced = count(messages, (message) => message.softBounced);
  const noFeedback = delivered === 0 && failed.length === 0 && softBounced === 0;
  return {
    relayed: messages.length,
    deliverySize,
    takenIntoAccount: count(messages, ({ status }) => status === 'TAKEN_INTO_ACCOUNT'),
    sent,
    failed: failed.length,
    delivered,
    success: policy === 'EFS' && noFeedback ? null : sent / messages.length,
    failedByHardBounce: count(failed, ({ decidedBy }) => decidedBy === 'hard-bounce'),
    failedByAsyncBounce: count(failed, ({ decidedBy }) => decidedBy === 'async-bounce'),
    failedByRetry: count(failed, ({ decidedBy }) => decidedBy === 'retry'),
    failedByExpiry: count(failed, ({ decidedBy }) => decidedBy === 'expiry'),
    softBounced,
    waitingForRetry: count(messages, (each) => each.softBounced && each.decidedBy === null),
    recovered: count(messages, (each) => each.softBounced && each.decidedBy === 'success'),
    complained: count(messages, ({ complained }) => complained),
    failedByReason: countBy(failed.map(({ reason }) => reason!)),
    byDomain: byDomain(messages),
    throughput: throughput(messages),
  };
}

/** The recount of facts that are already read: the messages and the deliveries, without dead letters. */
export function recountFacts(
  facts: readonly Fact[],
  settings: Pick<RecountSettings, 'defaultPolicy' | 'groups'> & {
    /** The default policy that a message was counted with, by one of its facts, where it is not that of all. */
    readonly policyOf?: (fact: Fact) => Policy;
  },
): Pick<Recount, 'messages' | 'deliveries'> {
  const groupOf = grouper(settings.groups);
  const sorted = [...facts].sort(
    (a, b) => text(a.deliveryId, b.deliveryId) || text(a.messageId, b.messageId),
  );
  const messages = new Map<string, RecountedMessage>();
  const deliveries = new Map<string, RecountedDelivery>();
  for (const ofDelivery of runs(sorted, (fact) => fact.deliveryId)) {
    const { deliveryId } = ofDelivery[0]!;
    const judged: Judgement[] = [];
    for (const ofMessage of runs(ofDelivery, (fact) => fact.messageId)) {
      const { messageId } = ofMessage[0]!;
      const defaultPolicy = settings.policyOf?.(ofMessage[0]!) ?? settings.defaultPolicy;
      const judgement = judge(ofMessage, defaultPolicy, groupOf);
      judged.push(judgement);
      messages.set(`${deliveryId}/${messageId}`, { deliveryId, messageId, ...judgement });
    }
    const sizes = ofDelivery.map((fact) => fact.deliverySize).filter((size) => typeof size === 'number');
    const size = sizes.sort((a, b) => a - b).at(-1) ?? null;
    const policy = policyOf(ofDelivery, settings.defaultPolicy);
    deliveries.set(deliveryId, {
      policy,
      asOf: ofDelivery.map((fact) => fact.occurredAt).reduce((a, b) => (a > b ? a : b)),
      revision: ofDelivery.length,
      kpis: kpisOf(judged, policy, size),
    });
  }
  return { messages, deliveries };
}

/** Recounts everything from the records of the input topics, in whatever order they are given. */
export function recount(
  records: Iterable<RawRecord>,
  schemas: ReadonlyMap<number, string>,
  settings: RecountSettings,
): Recount {
  const read = recordReader(schemas, settings);
  const deadLetters = new Map<string, readonly string[]>();
  const facts: Fact[] = [];
  for (const record of records) {
    const reading = read(record);
    if ('fact' in reading) facts.push(reading.fact);
    else deadLetters.set(`${record.topic}/${record.partition}/${record.offset}`, reading.deadLettered);
  }
  return { deadLetters, ...recountFacts(facts, settings) };
}
