import type { Fact } from './read';

// What the facts about one message mean, as a person would decide it: lay all facts out, sort, take the end.

export type Policy = 'EFS' | 'RELAY';
export type Status = 'TAKEN_INTO_ACCOUNT' | 'SENT' | 'FAILED';

interface Verdict {
  readonly reason: string;
  readonly failureType: string;
}

export interface Judgement {
  readonly policy: Policy;
  readonly relayedAt: number;
  readonly group: string;
  readonly validityPeriodMs: number;
  readonly status: Status;
  readonly reason: string | null;
  readonly failureType: string | null;
  /** When the deciding outcome happened; null without one. */
  readonly decidedAt: number | null;
  readonly decidedBy: 'success' | 'hard-bounce' | 'async-bounce' | 'retry' | 'expiry' | null;
  readonly softBounced: boolean;
  readonly complained: boolean;
}

const LONGEST_VALIDITY = 84 * 60 * 60 * 1000;

const REASON_NUMBERS: Record<string, number> = {
  NOT_DEFINED: 0,
  USER_UNKNOWN: 1,
  INVALID_DOMAIN: 2,
  UNREACHABLE: 3,
  ACCOUNT_DISABLED: 4,
  MAILBOX_FULL: 5,
  QUARANTINED: 9,
  REFUSED: 20,
};

const CLASSES: Record<number, string> = {
  1: 'NOT_DEFINED IGNORED',
  10: 'USER_UNKNOWN HARD',
  15: 'REFUSED HARD',
  20: 'UNREACHABLE SOFT',
  21: 'INVALID_DOMAIN SOFT',
  22: 'MAILBOX_FULL SOFT',
  23: 'REFUSED IGNORED',
  24: 'UNREACHABLE IGNORED',
  25: 'REFUSED IGNORED',
  30: 'NOT_DEFINED IGNORED',
  40: 'UNREACHABLE IGNORED',
  50: 'REFUSED IGNORED',
  51: 'REFUSED IGNORED',
  52: 'REFUSED IGNORED',
  53: 'REFUSED IGNORED',
  54: 'REFUSED SOFT',
  70: 'UNREACHABLE IGNORED',
  100: 'REFUSED SOFT',
};

const isFailure = (bounceClass: number): boolean => ![60, 80, 90].includes(bounceClass);

function qualify(bounceClass: number, diagnostic: string | null | undefined): Verdict {
  let text = CLASSES[bounceClass] ?? 'NOT_DEFINED IGNORED';
  if (bounceClass === 25 && /suppressed/i.test(diagnostic ?? '')) text = 'QUARANTINED IGNORED';
  const [reason = '', failureType = ''] = text.split(' ');
  return { reason, failureType };
}

/** Compares tuples of numbers and text from the left. */
function byTuple(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  for (let i = 0; i < a.length; i += 1) {
    if (a[i]! < b[i]!) return -1;
    if (a[i]! > b[i]!) return 1;
  }
  return 0;
}

interface Candidate {
  readonly order: readonly number[];
  readonly at: number;
  readonly by: NonNullable<Judgement['decidedBy']>;
  /** Null for a success, and for a failed retry that names no class. */
  readonly verdict: Verdict | null;
}

const NO_CLASS = Number.NEGATIVE_INFINITY;

function bounceOutcome(fact: Fact): Candidate | null {
  const bounceClass = fact.bounceClass!;
  if (!isFailure(bounceClass)) return null;
  if (fact.type === 'SoftBounced' && fact.source !== 'ASYNC') return null;
  const verdict = qualify(bounceClass, fact.diagnostic);
  const asynchronous = fact.source === 'ASYNC';
  return {
    order: [asynchronous ? 2 : 1, fact.occurredAt, 5, bounceClass, REASON_NUMBERS[verdict.reason]!],
    at: fact.occurredAt,
    by: asynchronous ? 'async-bounce' : 'hard-bounce',
    verdict,
  };
}

function retryOutcome(fact: Fact): Candidate | null {
  const rank = fact.inferred === true ? 0 : 1;
  const at = fact.occurredAt;
  if (fact.outcome === 'SUCCEEDED')
    return { order: [rank, at, 2, NO_CLASS, 0], at, by: 'success', verdict: null };
  const kind = fact.outcome === 'EXPIRED' ? 3 : 4;
  const by = fact.outcome === 'EXPIRED' ? 'expiry' : 'retry';
  const bounceClass = fact.bounceClass ?? null;
  if (bounceClass === null) return { order: [rank, at, kind, NO_CLASS, 0], at, by, verdict: null };
  if (!isFailure(bounceClass)) return null;
  const verdict = qualify(bounceClass, fact.diagnostic);
  return { order: [rank, at, kind, bounceClass, REASON_NUMBERS[verdict.reason]!], at, by, verdict };
}

function outcomeOf(fact: Fact): Candidate | null {
  switch (fact.type) {
    case 'Relayed':
    case 'Complained':
      return null;
    case 'Delivered':
      return {
        order: [1, fact.occurredAt, 1, NO_CLASS, 0],
        at: fact.occurredAt,
        by: 'success',
        verdict: null,
      };
    case 'HardBounced':
    case 'SoftBounced':
      return bounceOutcome(fact);
    case 'RetryOutcome':
      return retryOutcome(fact);
  }
}

function lastSoftBounce(facts: readonly Fact[]): Verdict | null {
  const bounces = facts
    .filter((fact) => fact.type === 'SoftBounced' && fact.source !== 'ASYNC' && isFailure(fact.bounceClass!))
    .map((fact) => {
      const verdict = qualify(fact.bounceClass!, fact.diagnostic);
      return { verdict, order: [fact.occurredAt, fact.bounceClass!, REASON_NUMBERS[verdict.reason]!] };
    })
    .sort((a, b) => byTuple(a.order, b.order));
  return bounces.at(-1)?.verdict ?? null;
}

/** A report is a complaint unless it says, in any case of letters, that the message is no spam. */
const isComplaint = ({ type, feedbackType }: Fact): boolean =>
  type === 'Complained' && !/^not-spam$/i.test(feedbackType ?? '');

function relayOf(facts: readonly Fact[], groupOf: (domain: string) => string): { at: number; group: string } {
  const sightings: (readonly [number, number, string])[] = [];
  for (const fact of facts) {
    const group = groupOf(fact.recipientDomain.toLowerCase());
    if (fact.type === 'Relayed') sightings.push([0, fact.occurredAt, group]);
    else if (typeof fact.relayedAt === 'number') sightings.push([1, fact.relayedAt, group]);
    else sightings.push([2, fact.occurredAt, group]);
  }
  const [, at, group] = sightings.sort(byTuple)[0]!;
  return { at, group };
}

/** The policy that `Relayed` records (of a message or of a delivery) ask for. */
export function policyOf(facts: readonly Fact[], byDefault: Policy): Policy {
  const asked = facts.map((fact) => fact.policy);
  if (asked.includes('EFS')) return 'EFS';
  return asked.includes('RELAY') ? 'RELAY' : byDefault;
}

function validityOf(facts: readonly Fact[]): number {
  const given = facts.map((fact) => fact.validityPeriodMs).filter((each) => typeof each === 'number');
  return Math.min(LONGEST_VALIDITY, ...given);
}

/** Judges all facts about one message by the agreement. At least one fact. */
export function judge(
  facts: readonly Fact[],
  byDefault: Policy,
  groupOf: (lowerCaseDomain: string) => string,
): Judgement {
  const relay = relayOf(facts, groupOf);
  const policy = policyOf(facts, byDefault);
  const soft = lastSoftBounce(facts);
  const candidates = facts.map(outcomeOf).filter((each) => each !== null);
  const deciding = candidates.sort((a, b) => byTuple(a.order, b.order)).at(-1) ?? null;

  let status: Status;
  let verdict: Verdict | null;
  if (deciding === null) {
    status = policy === 'EFS' ? 'TAKEN_INTO_ACCOUNT' : 'SENT';
    verdict = soft;
  } else if (deciding.by === 'success') {
    status = 'SENT';
    verdict = null;
  } else {
    status = 'FAILED';
    verdict = deciding.verdict ?? soft ?? { reason: 'NOT_DEFINED', failureType: 'IGNORED' };
  }
  return {
    policy,
    relayedAt: relay.at,
    group: relay.group,
    validityPeriodMs: validityOf(facts),
    status,
    reason: verdict?.reason ?? null,
    failureType: verdict?.failureType ?? null,
    decidedAt: deciding?.at ?? null,
    decidedBy: deciding?.by ?? null,
    softBounced: soft !== null,
    complained: facts.some(isComplaint),
  };
}
