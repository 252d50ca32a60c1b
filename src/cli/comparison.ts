import { printable } from '../base/log';
import type {
  Comparison,
  DeliveryDifference,
  MessageDifference,
  MessageView,
} from '../generations/comparison';
import { grouped, table } from './print';

/** Differences shown of each delivery and of all messages; the JSON form has more. */
const SHOWN_MAX = 20;

const shown = (value: string | number | null): string =>
  typeof value === 'number' ? String(Math.round(value * 10_000) / 10_000) : (value ?? 'none');

function deliveryLines({ deliveryId, fields }: DeliveryDifference): string[] {
  const rows = fields
    .slice(0, SHOWN_MAX)
    .map((each) => [`  ${each.field}`, shown(each.active), shown(each.candidate)]);
  const rest = fields.length > SHOWN_MAX ? [`  and ${fields.length - SHOWN_MAX} more figures`] : [];
  return [`delivery ${printable(deliveryId)}`, ...table(rows), ...rest];
}

const viewText = (view: MessageView | null): string =>
  view === null
    ? 'unknown'
    : [view.status, view.reason, view.domainGroup].filter((part) => part !== null).join(', ');

function messageLine({ deliveryId, messageId, active, candidate }: MessageDifference): string {
  return printable(`  ${deliveryId} ${messageId}: ${viewText(active)} -> ${viewText(candidate)}`);
}

function verdict({ equal, partitions }: Comparison): string {
  if (equal) return 'equal: every message and every KPI is the same';
  const lost = partitions.filter(({ comparable }) => !comparable).map(({ partition }) => partition);
  if (lost.length === 0) return 'different';
  return `different; partitions ${lost.join(', ')} cannot be compared: Kafka no longer holds what the active state would read next`;
}

/** The report of a comparison as text. The left figures are those of the active state. */
export function comparisonLines(found: Comparison): string[] {
  const { partitions, deliveries, messages, more, settings } = found;
  const rows = partitions.map((each) => [
    String(each.partition),
    grouped(each.deliveries),
    grouped(each.messages),
    grouped(each.differingMessages),
    each.digests.active,
    each.digests.candidate,
  ]);
  const moreDeliveries = more.deliveries + Math.max(0, deliveries.length - SHOWN_MAX);
  const moreMessages = more.messages + Math.max(0, messages.length - SHOWN_MAX);
  return [
    ...settings.map((setting) => printable(`setting ${setting}`)),
    ...table([
      ['partition', 'deliveries', 'messages', 'differ', 'digest, active', 'digest, candidate'],
      ...rows,
    ]),
    ...deliveries.slice(0, SHOWN_MAX).flatMap(deliveryLines),
    ...(moreDeliveries > 0 ? [`and ${grouped(moreDeliveries)} more deliveries`] : []),
    ...(messages.length > 0 ? ['messages', ...messages.slice(0, SHOWN_MAX).map(messageLine)] : []),
    ...(moreMessages > 0 ? [`and ${grouped(moreMessages)} more messages`] : []),
    verdict(found),
  ];
}
