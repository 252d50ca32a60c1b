import { DeliveryId, MessageId } from '../base/ids';
import { HOUR_MS } from '../base/time';
import type { Millis, PolicyName } from '../feedback/feedback';
import { type Dice, uuid, weighted } from './dice';

/** One simulated delivery. */
export interface SimulatedDelivery {
  readonly deliveryId: DeliveryId;
  readonly policy: PolicyName | null;
  readonly validityPeriodMs: number | null;
  /** Number of its messages. */
  readonly size: number;
  /** When its first message may be relayed, as a share of the whole time span. */
  readonly begins: number;
}

/** One simulated message, at the moment it is relayed. */
export interface SimulatedMessage {
  readonly messageId: MessageId;
  readonly delivery: SimulatedDelivery;
  readonly recipientDomain: string;
  readonly relayedAt: Millis;
}

export interface CampaignOptions {
  /** Different seeds give different ids. */
  readonly seed: number;
  readonly deliveries: number;
  readonly messages: number;
  readonly startAt: Millis;
  /** Time over which the messages are relayed. */
  readonly spreadMs: number;
  /** Shares of deliveries with a policy of their own; the rest has none. */
  readonly policyMix: { readonly efs: number; readonly relay: number };
}

/** Recipient domains roughly as in a consumer list of Europe and America, with aliases and odd spellings. */
export const domains = weighted([
  ['gmail.com', 360],
  ['Gmail.com', 3],
  ['googlemail.com', 12],
  ['yahoo.com', 95],
  ['ymail.com', 6],
  ['rocketmail.com', 3],
  ['aol.com', 22],
  ['hotmail.com', 105],
  ['HOTMAIL.COM', 2],
  ['outlook.com', 80],
  ['live.com', 32],
  ['msn.com', 10],
  ['icloud.com', 62],
  ['me.com', 12],
  ['mac.com', 4],
  ['gmx.de', 30],
  ['web.de', 28],
  ['orange.fr', 22],
  ['comcast.net', 18],
  ['proton.me', 12],
  ['example.org', 40],
  ['mail.example.net', 42],
]);

const validities = weighted<number | null>([
  [null, 60],
  [84 * HOUR_MS, 20],
  [24 * HOUR_MS, 10],
  [48 * HOUR_MS, 8],
  [120 * HOUR_MS, 2],
]);

/** Sizes fall as 1 / rank and sum to `messages`; each delivery has at least one message where there are enough. */
function zipfSizes(deliveries: number, messages: number): number[] {
  const weights = Array.from({ length: deliveries }, (_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const each = messages >= deliveries ? 1 : 0;
  const sizes = weights.map((weight) => each + Math.floor((weight / total) * (messages - each * deliveries)));
  sizes[0] = (sizes[0] ?? 0) + messages - sizes.reduce((sum, size) => sum + size, 0);
  return sizes;
}

/** The deliveries, ordered by when they begin; the largest begins at once. */
export function campaign(source: Dice, options: CampaignOptions): SimulatedDelivery[] {
  const { efs, relay } = options.policyMix;
  return zipfSizes(options.deliveries, options.messages)
    .map((size, rank): SimulatedDelivery => {
      const draw = source.unit();
      return {
        deliveryId: DeliveryId(`DM${options.seed.toString(36)}-${rank + 1}`),
        policy: draw < efs ? 'EFS' : draw < efs + relay ? 'RELAY' : null,
        validityPeriodMs: validities(source),
        size,
        begins: rank === 0 ? 0 : 0.6 * source.unit(),
      };
    })
    .sort((a, b) => a.begins - b.begins);
}

/** Draws without replacement: counts by index in a Fenwick tree, so that a draw takes logarithmic time. */
function urn(size: number) {
  const top = 2 ** Math.ceil(Math.log2(size + 1));
  const tree = new Float64Array(top + 1);
  let left = 0;
  const add = (index: number, count: number): void => {
    left += count;
    for (let i = index + 1; i <= top; i += i & -i) tree[i] = (tree[i] as number) + count;
  };
  const take = (source: Dice): number => {
    let rest = source.below(left);
    let index = 0;
    for (let step = top; step > 0; step >>= 1) {
      const next = index + step;
      if (next <= top && (tree[next] as number) <= rest) {
        index = next;
        rest -= tree[next] as number;
      }
    }
    add(index, -1);
    return index;
  };
  return { add, take, left: () => left };
}

/** The messages in the order of their relay, interleaved over all running deliveries. */
export function* messages(source: Dice, options: CampaignOptions): Generator<SimulatedMessage> {
  const deliveries = campaign(source, options);
  const remaining = urn(deliveries.length);
  let begun = 0;
  for (let i = 0; i < options.messages; i++) {
    const progress = i / options.messages;
    while (
      begun < deliveries.length &&
      (remaining.left() === 0 || (deliveries[begun]?.begins ?? 1) <= progress)
    ) {
      remaining.add(begun, deliveries[begun]?.size ?? 0);
      begun += 1;
    }
    yield {
      messageId: MessageId(uuid(source)),
      delivery: deliveries[remaining.take(source)] as SimulatedDelivery,
      recipientDomain: domains(source),
      relayedAt: Math.floor(options.startAt + progress * options.spreadMs),
    };
  }
}
