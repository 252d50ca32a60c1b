import { DeliveryId, MessageId } from '../base/ids';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../base/time';
import type { Feedback, Millis, PolicyName } from '../feedback/feedback';
import { domains, type SimulatedDelivery } from './campaign';
import { dice, uuid, weighted } from './dice';
import { messageHistory, ORDINARY, type OutcomeMix } from './message-history';
import { type MessageHistory, timeline } from './timeline';

/*
 * An endless sequence of campaigns, for the demo: they differ in size and outcomes, and some are sent under both policies
 * with the same feedback, message for message. Each campaign has its own random stream, so the traffic after any time
 * can be generated without the traffic before it.
 */

/** A message has no feedback later than this: retries end after 84 h, feedback after a delivery after three days. */
const LAST_FEEDBACK_MS = 7 * DAY_MS;

/** A kind of campaign: its name, its outcomes and its size. */
interface Kind {
  readonly name: string;
  readonly mix: OutcomeMix;
  readonly size: { readonly least: number; readonly most: number };
  /** The policies it is sent under: two make a pair of deliveries with the same feedback. */
  readonly policies: readonly PolicyName[];
  readonly validityPeriodMs: Millis | null;
}

/** A well-kept list. */
const CLEAN: OutcomeMix = {
  ...ORDINARY,
  firstAttempt: weighted([
    ['delivered', 968],
    ['hard', 8],
    ['soft', 22],
    ['no-feedback', 2],
  ]),
};

/** Addresses that were not used for years. */
const NEGLECTED: OutcomeMix = {
  ...ORDINARY,
  complaints: 0.012,
  firstAttempt: weighted([
    ['delivered', 770],
    ['hard', 150],
    ['soft', 70],
    ['no-feedback', 10],
  ]),
};

/** Receivers throttle: many messages are retried, most of them with success. */
const DEFERRED: OutcomeMix = {
  ...ORDINARY,
  firstAttempt: weighted([
    ['delivered', 600],
    ['hard', 20],
    ['soft', 365],
    ['no-feedback', 15],
  ]),
  retries: weighted([
    ['SUCCEEDED', 76],
    ['FAILED', 10],
    ['EXPIRED', 6],
    ['no-feedback', 8],
  ]),
};

/** Accepted first and refused later: bounce mails arrive for days. */
const BOUNCED_LATER: OutcomeMix = {
  ...ORDINARY,
  afterwards: weighted([
    ['nothing', 880],
    ['async', 100],
    ['auto-reply', 20],
  ]),
};

/** Every kind of feedback, so that even a small delivery shows every row of both tables. */
const EVENTFUL: OutcomeMix = {
  relaysLost: 0,
  complaints: 0.008,
  firstAttempt: weighted([
    ['delivered', 720],
    ['hard', 70],
    ['soft', 190],
    ['no-feedback', 20],
  ]),
  afterwards: weighted([
    ['nothing', 930],
    ['async', 50],
    ['auto-reply', 15],
    ['unsubscribe', 5],
  ]),
  retries: weighted([
    ['SUCCEEDED', 55],
    ['FAILED', 20],
    ['EXPIRED', 10],
    ['no-feedback', 15],
  ]),
};

const MIRROR: Kind = {
  name: 'mirror',
  mix: EVENTFUL,
  size: { least: 1_200, most: 2_400 },
  policies: ['EFS', 'RELAY'],
  validityPeriodMs: 12 * HOUR_MS,
};
const NEWSLETTER: Kind = {
  name: 'newsletter',
  mix: ORDINARY,
  size: { least: 3_000, most: 8_000 },
  policies: ['EFS'],
  validityPeriodMs: null,
};
const WIN_BACK: Kind = {
  name: 'win-back',
  mix: NEGLECTED,
  size: { least: 600, most: 2_000 },
  policies: ['RELAY'],
  validityPeriodMs: 24 * HOUR_MS,
};
const SALE: Kind = {
  name: 'sale',
  mix: DEFERRED,
  size: { least: 2_500, most: 9_000 },
  policies: ['EFS'],
  validityPeriodMs: 24 * HOUR_MS,
};
const RECEIPTS: Kind = {
  name: 'receipts',
  mix: CLEAN,
  size: { least: 200, most: 900 },
  policies: ['EFS'],
  validityPeriodMs: 6 * HOUR_MS,
};
const WEBINAR: Kind = {
  name: 'webinar',
  mix: BOUNCED_LATER,
  size: { least: 500, most: 2_500 },
  policies: ['RELAY'],
  validityPeriodMs: null,
};

/** The first campaigns; later ones are drawn. */
const FIRST: readonly Kind[] = [MIRROR, NEWSLETTER, WIN_BACK, SALE, WEBINAR, RECEIPTS];
const FIRST_GAP_MS = 20 * MINUTE_MS;
const LATER = weighted<Kind>([
  [MIRROR, 16],
  [NEWSLETTER, 20],
  [WIN_BACK, 14],
  [SALE, 16],
  [RECEIPTS, 20],
  [WEBINAR, 14],
]);
const GAP_MS = { least: 2 * HOUR_MS, more: 4 * HOUR_MS };
const SPREAD_MS = { least: 3 * HOUR_MS, more: 5 * HOUR_MS };

interface Campaign {
  readonly index: number;
  readonly kind: Kind;
  readonly number: number;
  readonly size: number;
  readonly begins: Millis;
  readonly spreadMs: number;
}

export interface ScenarioOptions {
  readonly seed: number;
  /** When the first campaign begins. */
  readonly startAt: Millis;
  /** Only feedback after this time; `startAt`, where absent. */
  readonly after?: Millis;
}

/** An endless sequence of campaigns in the order of their start. */
function* campaigns({ seed, startAt }: ScenarioOptions): Generator<Campaign> {
  const source = dice(seed, 10);
  const numbers = new Map<string, number>();
  let begins = startAt;
  for (let index = 0; ; index++) {
    const kind = FIRST[index] ?? LATER(source);
    const number = (numbers.get(kind.name) ?? 0) + 1;
    numbers.set(kind.name, number);
    const { least, most } = kind.size;
    const size = Math.floor(least + (most - least) * source.unit());
    const spreadMs = SPREAD_MS.least + source.below(SPREAD_MS.more);
    yield { index, kind, number, size, begins, spreadMs };
    begins += index < FIRST.length ? FIRST_GAP_MS : GAP_MS.least + source.below(GAP_MS.more);
  }
}

const nameOf = ({ kind, number }: Campaign, policy: PolicyName): DeliveryId =>
  DeliveryId(kind.policies.length > 1 ? `${kind.name}-${number}-${policy}` : `${kind.name}-${number}`);

/** The histories of a campaign's messages, in the order of their relay. */
function* historiesOf(campaign: Campaign, seed: number): Generator<MessageHistory> {
  const source = dice(seed, 1_000 + campaign.index);
  const sources = { outcomes: source, complaints: dice(seed, 1_000_000 + campaign.index) };
  const { kind, size, begins, spreadMs } = campaign;
  const deliveries = kind.policies.map((policy): SimulatedDelivery => ({
    deliveryId: nameOf(campaign, policy),
    policy,
    validityPeriodMs: kind.validityPeriodMs,
    size,
    begins: 0,
  }));
  const [first] = deliveries as [SimulatedDelivery];
  for (let i = 0; i < size; i++) {
    const relayedAt = Math.floor(begins + ((i + source.unit()) / size) * spreadMs);
    const message = {
      messageId: MessageId(uuid(source)),
      delivery: first,
      recipientDomain: domains(source),
      relayedAt,
    };
    const events = messageHistory(sources, message, kind.mix);
    yield {
      begins: relayedAt,
      events: deliveries.flatMap((each) => events.map((event) => forDelivery(event, each))),
    };
  }
}

/** The same event for the message of the same id in another delivery. */
function forDelivery(event: Feedback, { deliveryId, policy }: SimulatedDelivery): Feedback {
  if (event.deliveryId === deliveryId) return event;
  const moved = { ...event, deliveryId, eventId: `${deliveryId}/${event.eventId}` };
  return moved.kind === 'Relayed' ? { ...moved, policy } : moved;
}

/** The histories of all campaigns that may have feedback after `after`, in the order of their start. */
function* histories(options: ScenarioOptions): Generator<MessageHistory> {
  const { seed, after = options.startAt } = options;
  const plan = campaigns(options);
  const running: { readonly histories: Generator<MessageHistory>; next: MessageHistory }[] = [];
  let coming = plan.next().value as Campaign;
  const begin = (): void => {
    if (coming.begins + coming.spreadMs + LAST_FEEDBACK_MS >= after) {
      const own = historiesOf(coming, seed);
      const first = own.next();
      if (first.done !== true) running.push({ histories: own, next: first.value });
    }
    coming = plan.next().value as Campaign;
  };
  for (;;) {
    let earliest = running[0];
    for (const each of running) if (earliest && each.next.begins < earliest.next.begins) earliest = each;
    if (earliest === undefined || coming.begins <= earliest.next.begins) {
      begin();
      continue;
    }
    yield earliest.next;
    const following = earliest.histories.next();
    if (following.done === true) running.splice(running.indexOf(earliest), 1);
    else earliest.next = following.value;
  }
}

/**
 * The feedback of an endless sequence of campaigns, in the order of event time. A pure function of the options: the
 * feedback after a time is the same whether or not the earlier feedback was generated.
 */
export function* scenario(options: ScenarioOptions): Generator<Feedback> {
  const { after = options.startAt - 1 } = options;
  for (const event of timeline(histories(options))) if (event.occurredAt > after) yield event;
}
