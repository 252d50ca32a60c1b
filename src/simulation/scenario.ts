import { DeliveryId, MessageId } from '../base/ids';
import type { Feedback, Millis, PolicyName } from '../feedback/feedback';
import { domains, type SimulatedDelivery } from './campaign';
import { dice, uuid, weighted } from './dice';
import { type Course, life, ORDINARY } from './life';
import { type Story, timeline } from './timeline';

/*
 * Campaigns without end, for a world that is watched: they differ in size and in how they fare, and now and then one is
 * sent under both policies, message for message with the same feedback. Each campaign has its own chance, so the
 * traffic after any moment can be made without all that went before.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** When nothing is heard of a message any more: retries last 84 h, and what follows a delivery three days. */
const LAST_WORD_MS = 7 * DAY;

/** A kind of campaign: its name, how its messages fare, and how many it has. */
interface Kind {
  readonly name: string;
  readonly course: Course;
  readonly size: { readonly least: number; readonly most: number };
  /** Under which policies it is sent: two make a pair of deliveries with the same feedback. */
  readonly policies: readonly PolicyName[];
  readonly validityPeriodMs: Millis | null;
}

/** A list that was looked after. */
const CLEAN: Course = {
  ...ORDINARY,
  firstAttempt: weighted([
    ['delivered', 968],
    ['hard', 8],
    ['soft', 22],
    ['silence', 2],
  ]),
};

/** Addresses that nobody has written to for years. */
const NEGLECTED: Course = {
  ...ORDINARY,
  firstAttempt: weighted([
    ['delivered', 770],
    ['hard', 150],
    ['soft', 70],
    ['silence', 10],
  ]),
};

/** Receivers defer what comes too fast: much is tried again, most of it in the end with success. */
const DEFERRED: Course = {
  ...ORDINARY,
  firstAttempt: weighted([
    ['delivered', 600],
    ['hard', 20],
    ['soft', 365],
    ['silence', 15],
  ]),
  retries: weighted([
    ['SUCCEEDED', 76],
    ['FAILED', 10],
    ['EXPIRED', 6],
    ['silence', 8],
  ]),
};

/** Accepted first and refused later: bounce mails come for days. */
const BOUNCED_LATER: Course = {
  ...ORDINARY,
  afterwards: weighted([
    ['nothing', 880],
    ['async', 100],
    ['auto-reply', 20],
  ]),
};

/** Something of everything, so that every row of both tables is seen in a small delivery. */
const EVENTFUL: Course = {
  relaysLost: 0,
  firstAttempt: weighted([
    ['delivered', 720],
    ['hard', 70],
    ['soft', 190],
    ['silence', 20],
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
    ['silence', 15],
  ]),
};

const MIRROR: Kind = {
  name: 'mirror',
  course: EVENTFUL,
  size: { least: 1_200, most: 2_400 },
  policies: ['EFS', 'RELAY'],
  validityPeriodMs: 12 * HOUR,
};
const NEWSLETTER: Kind = {
  name: 'newsletter',
  course: ORDINARY,
  size: { least: 3_000, most: 8_000 },
  policies: ['EFS'],
  validityPeriodMs: null,
};
const WIN_BACK: Kind = {
  name: 'win-back',
  course: NEGLECTED,
  size: { least: 600, most: 2_000 },
  policies: ['RELAY'],
  validityPeriodMs: 24 * HOUR,
};
const SALE: Kind = {
  name: 'sale',
  course: DEFERRED,
  size: { least: 2_500, most: 9_000 },
  policies: ['EFS'],
  validityPeriodMs: 24 * HOUR,
};
const RECEIPTS: Kind = {
  name: 'receipts',
  course: CLEAN,
  size: { least: 200, most: 900 },
  policies: ['EFS'],
  validityPeriodMs: 6 * HOUR,
};
const WEBINAR: Kind = {
  name: 'webinar',
  course: BOUNCED_LATER,
  size: { least: 500, most: 2_500 },
  policies: ['RELAY'],
  validityPeriodMs: null,
};

/** Those that are there from the beginning; what comes later is drawn. */
const FIRST: readonly Kind[] = [MIRROR, NEWSLETTER, WIN_BACK, SALE, WEBINAR, RECEIPTS];
const FIRST_GAP_MS = 20 * MINUTE;
const LATER = weighted<Kind>([
  [MIRROR, 16],
  [NEWSLETTER, 20],
  [WIN_BACK, 14],
  [SALE, 16],
  [RECEIPTS, 20],
  [WEBINAR, 14],
]);
const GAP_MS = { least: 2 * HOUR, more: 4 * HOUR };
const SPREAD_MS = { least: 3 * HOUR, more: 5 * HOUR };

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
  /** Only what happens after this; `startAt`, where absent. */
  readonly after?: Millis;
}

/** All campaigns in the order of their beginning, without end. */
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

/** The stories of a campaign's messages, in the order of their relay. */
function* storiesOf(campaign: Campaign, seed: number): Generator<Story> {
  const source = dice(seed, 1_000 + campaign.index);
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
    const events = life(source, message, kind.course);
    yield {
      begins: relayedAt,
      events: deliveries.flatMap((each) => events.map((event) => told(event, each))),
    };
  }
}

/** The same event, of the message of the same id in another delivery. */
function told(event: Feedback, { deliveryId, policy }: SimulatedDelivery): Feedback {
  if (event.deliveryId === deliveryId) return event;
  const moved = { ...event, deliveryId, eventId: `${deliveryId}/${event.eventId}` };
  return moved.kind === 'Relayed' ? { ...moved, policy } : moved;
}

/** The stories of all campaigns that can still be heard of after a moment, in the order of their beginning. */
function* stories(options: ScenarioOptions): Generator<Story> {
  const { seed, after = options.startAt } = options;
  const plan = campaigns(options);
  const running: { readonly stories: Generator<Story>; next: Story }[] = [];
  let coming = plan.next().value as Campaign;
  const begin = (): void => {
    if (coming.begins + coming.spreadMs + LAST_WORD_MS >= after) {
      const own = storiesOf(coming, seed);
      const first = own.next();
      if (first.done !== true) running.push({ stories: own, next: first.value });
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
    const following = earliest.stories.next();
    if (following.done === true) running.splice(running.indexOf(earliest), 1);
    else earliest.next = following.value;
  }
}

/**
 * The feedback of campaigns without end, in the order of event time. A pure function of the options: what comes after
 * a moment is the same whether or not what came before was asked for.
 */
export function* scenario(options: ScenarioOptions): Generator<Feedback> {
  const { after = options.startAt - 1 } = options;
  for (const event of timeline(stories(options))) if (event.occurredAt > after) yield event;
}
