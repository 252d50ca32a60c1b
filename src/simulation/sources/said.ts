import { createHash } from 'node:crypto';
import type { Feedback } from '../../feedback/feedback';
import type { CampaignOptions } from '../campaign';
import { disordered, feedback } from '../traffic';
import { BREVO } from './brevo';
import { EFS } from './efs';
import { EXIM } from './exim';
import { KUMOMTA } from './kumomta';
import { MAIL } from './mail';
import { MAILGUN } from './mailgun';
import { MAILJET } from './mailjet';
import { MANDRILL } from './mandrill';
import { MOMENTUM_LOG } from './momentum-log';
import { POSTAL } from './postal';
import { POSTFIX } from './postfix';
import { POSTMARK } from './postmark';
import { POWERMTA } from './powermta';
import { RESEND } from './resend';
import { SENDGRID } from './sendgrid';
import { SES } from './ses';
import type { SimulatedSource } from './source';
import { SPARKPOST } from './sparkpost';

/** The sources whose events are simulated: one for each format, in the order of the documentation. */
export const SIMULATED_SOURCES: readonly SimulatedSource[] = [
  ...[SPARKPOST, MOMENTUM_LOG, KUMOMTA, SES, POWERMTA, POSTFIX, EXIM, MAIL],
  ...[SENDGRID, MAILGUN, POSTMARK, MAILJET, BREVO, RESEND, MANDRILL, POSTAL, EFS],
];

/** An event as a source writes it. */
export interface SaidEvent {
  readonly text: string;
  /** What it says. */
  readonly feedback: Feedback;
  /** Whether the ids are in it. */
  readonly isIdentified: boolean;
}

export interface SaidOptions {
  readonly seed: number;
  /** As in `TrafficOptions`. */
  readonly disorder: number;
  readonly duplicates: number;
  /** Share of events without ids; of messages, where a source's events belong together. */
  readonly stripIdentity: number;
}

/** Uniform in [0, 1) by seed and key, whatever was drawn before. */
function shareOf(seed: number, key: string): number {
  return createHash('sha256').update(`${seed}/${key}`).digest().readUInt32BE(0) / 2 ** 32;
}

/** What a source says of feedback, in the order of the feedback. */
export function saidEvent(
  source: SimulatedSource,
  said: Feedback,
  { seed, stripIdentity }: SaidOptions,
): SaidEvent {
  const key = source.isOrdered ? said.messageId : said.eventId;
  const isIdentified = stripIdentity === 0 || shareOf(seed, key) >= stripIdentity;
  return { text: source.render(said, isIdentified), feedback: said, isIdentified };
}

function* sayableEvents(
  source: SimulatedSource,
  events: Iterable<Feedback>,
  options: SaidOptions,
): Generator<SaidEvent> {
  for (const each of events) {
    const said = source.sayable(each);
    if (said !== null) yield saidEvent(source, said, options);
  }
}

/** What a source says of the feedback, with disorder and repetitions. Pure: the same options give the same texts. */
export const saidEvents = (
  source: SimulatedSource,
  events: Iterable<Feedback>,
  options: SaidOptions,
): Iterable<SaidEvent> => disordered(sayableEvents(source, events, options), options);

/** What a source says of the simulated campaigns. */
export const saidTraffic = (
  source: SimulatedSource,
  options: SaidOptions & CampaignOptions,
): Iterable<SaidEvent> => saidEvents(source, feedback(options, source.mix), options);
