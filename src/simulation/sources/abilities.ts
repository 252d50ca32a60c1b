import type { Feedback } from '../../feedback/feedback';
import type { HardBounced, RetryOutcome, SoftBounced } from '../../feedback/records';
import { isNoFailure, wordedClass } from './replies';
import { delivery, inSeconds, refusal, relayedOnly } from './source';

export const NOT_DEFINED = 1;
const UNREACHABLE = 20;
const INVALID_DOMAIN = 21;
const TIMED_OUT = 24;

type Bounce = HardBounced | SoftBounced;
type ClassOf = (feedback: Bounce | RetryOutcome) => number;

/** What a source can say. What it cannot becomes the nearest that it can, or is left out. */
export interface Abilities {
  /** Whether it says that a message was accepted. */
  readonly accepted: boolean;
  /** The events that say when their message was accepted: each, those about the message itself, or none. */
  readonly relayedAt: 'each' | 'own' | 'none';
  readonly times: 'ms' | 's';
  /** Whether it counts attempts. */
  readonly attempts: boolean;
  /** Whether it says a refusal at the first attempt. */
  readonly refusals: boolean;
  /** Bounces that come back after a delivery. */
  readonly late: 'classed' | 'unclassed' | 'none';
  /** The end of retries by a refusal: as such, as any other refusal, or not at all. */
  readonly failure: 'own' | 'refusal' | 'none';
  /** The end of retries because of time: as such, without or with a class; or as a failure. */
  readonly expiry: 'own' | 'classed' | 'failure' | 'none';
  /** Complaints: with the type of the report; those that are complaints without it; none. */
  readonly complaints: 'typed' | 'untyped' | 'none';
  /** The class that it says instead of one. */
  readonly classOf: ClassOf;
}

const numbered: ClassOf = ({ bounceClass }) => bounceClass ?? NOT_DEFINED;
const worded: ClassOf = ({ bounceClass, diagnostic }) => wordedClass(bounceClass ?? NOT_DEFINED, diagnostic);

/** KumoMTA's classifier has a word for this class too, which no text tells. */
const KUMOMTA_ONLY = 70;
const kumomta: ClassOf = (feedback) =>
  feedback.bounceClass === KUMOMTA_ONLY ? KUMOMTA_ONLY : worded(feedback);

/** A transient bounce without a clear reply is one of a server that could not be reached. */
const transient: ClassOf = (feedback) => {
  const said = worded(feedback);
  return feedback.kind === 'RetryOutcome' && said === NOT_DEFINED ? UNREACHABLE : said;
};

/** Postmark has two words for deferrals. */
const postmark: ClassOf = (feedback) => {
  const said = worded(feedback);
  return feedback.kind !== 'SoftBounced' || said === INVALID_DOMAIN ? said : UNREACHABLE;
};

const ALL: Abilities = {
  ...{ accepted: true, relayedAt: 'each', times: 'ms', attempts: true, refusals: true, late: 'classed' },
  ...{ failure: 'own', expiry: 'own', complaints: 'typed', classOf: worded },
};
/** A provider without a word for the end of retries, that does not tell a late bounce from another. */
const PROVIDER: Abilities = {
  ...{ ...ALL, relayedAt: 'none', attempts: false, late: 'none' },
  ...{ failure: 'refusal', expiry: 'failure', complaints: 'untyped' },
};
/** Late bounces, and complaints, are mails of their own: a log does not tell what they are about. */
const LOG: Abilities = { ...ALL, late: 'none', complaints: 'none' };

/** What each source can say, beside its own NDJSON of `efs`, which says everything. */
export const ABILITIES = {
  sparkpost: { ...ALL, times: 's', expiry: 'classed', classOf: numbered },
  'momentum-log': { ...ALL, relayedAt: 'own', times: 's' },
  kumomta: { ...ALL, relayedAt: 'own', classOf: kumomta },
  ses: { ...ALL, classOf: transient },
  powermta: { ...ALL, relayedAt: 'own', times: 's', attempts: false, failure: 'refusal' },
  postfix: LOG,
  exim: LOG,
  mail: {
    ...{ ...ALL, accepted: false, relayedAt: 'none', times: 's', attempts: false },
    ...{ refusals: false, failure: 'none', expiry: 'none' },
  },
  sendgrid: { ...PROVIDER, times: 's', attempts: true, expiry: 'own' },
  mailgun: { ...PROVIDER, attempts: true, failure: 'own', expiry: 'own' },
  postmark: { ...PROVIDER, accepted: false, classOf: postmark },
  mailjet: { ...PROVIDER, accepted: false, times: 's' },
  brevo: PROVIDER,
  resend: { ...PROVIDER, failure: 'own', classOf: transient },
  mandrill: { ...PROVIDER, relayedAt: 'each', times: 's', attempts: true, failure: 'own' },
  postal: {
    ...{ ...PROVIDER, accepted: false, relayedAt: 'each', late: 'unclassed', failure: 'own' },
    complaints: 'none',
  },
} as const satisfies Readonly<Record<string, Abilities>>;

function bounced(feedback: Bounce, { late, refusals, classOf }: Abilities): Feedback | null {
  const { source, kind, bounceClass } = feedback;
  if (isNoFailure(bounceClass)) return null;
  if (source === 'SYNC')
    return kind === 'HardBounced' && !refusals ? null : { ...feedback, bounceClass: classOf(feedback) };
  if (late === 'none') return null;
  return late === 'classed'
    ? { ...feedback, bounceClass: classOf(feedback) }
    : { ...feedback, kind: 'HardBounced', bounceClass: NOT_DEFINED };
}

function failed(feedback: RetryOutcome, { failure, classOf }: Abilities): Feedback | null {
  if (failure === 'none') return null;
  const bounceClass = classOf(feedback);
  return failure === 'own' ? { ...feedback, outcome: 'FAILED', bounceClass } : refusal(feedback, bounceClass);
}

function retriesEnded(feedback: RetryOutcome, abilities: Abilities): Feedback | null {
  if (feedback.outcome === 'SUCCEEDED') return delivery(feedback);
  if (feedback.outcome === 'FAILED') return failed(feedback, abilities);
  switch (abilities.expiry) {
    case 'own':
      return { ...feedback, bounceClass: null };
    case 'classed':
      return { ...feedback, bounceClass: feedback.bounceClass ?? TIMED_OUT };
    case 'failure':
      return failed({ ...feedback, bounceClass: TIMED_OUT }, abilities);
    case 'none':
      return null;
  }
}

function stated(feedback: Feedback, abilities: Abilities): Feedback | null {
  switch (feedback.kind) {
    case 'Relayed':
      return abilities.accepted ? relayedOnly(feedback) : null;
    case 'Delivered':
      return feedback;
    case 'HardBounced':
    case 'SoftBounced':
      return bounced(feedback, abilities);
    case 'RetryOutcome':
      return retriesEnded(feedback, abilities);
    case 'Complained': {
      if (abilities.complaints === 'typed') return feedback;
      const isWanted = /^not-spam$/iu.test(feedback.feedbackType ?? '');
      return abilities.complaints === 'none' || isWanted ? null : { ...feedback, feedbackType: null };
    }
  }
}

/** Whether the event is about a mail that came back, not about the message itself. */
const isAnother = (feedback: Feedback): boolean =>
  feedback.kind === 'Complained' || ('source' in feedback && feedback.source === 'ASYNC');

/** The feedback that is left when a source with the abilities has said it. */
export const sayableBy =
  (abilities: Abilities) =>
  (feedback: Feedback): Feedback | null => {
    const said = stated(feedback, abilities);
    if (said === null) return null;
    const { relayedAt, attempts, times } = abilities;
    const isSaid = relayedAt === 'each' || (relayedAt === 'own' && !isAnother(said));
    const left = {
      ...said,
      ...('attempt' in said && !attempts ? { attempt: 1 } : {}),
      ...('relayedAt' in said && !isSaid ? { relayedAt: null } : {}),
    };
    return times === 's' ? inSeconds(left) : left;
  };
