import { printable } from '../base/log';
import { iso } from '../base/time';
import type { KpiChanged } from '../kpi/encode';
import type { FactView, MessageView } from '../queries/lookup';
import { grouped, percent, table } from './print';

/** ISO 8601 to the second. */
const instant = (millis: number): string => `${iso(millis).slice(0, 19)}Z`;

/** Entries of a map, sorted by name. */
const byName = <V>(map: Readonly<Record<string, V>>): [string, V][] =>
  Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));

/** A KPI change of a delivery on one line. */
export function kpiLine({ deliveryId, policy, asOf, revision, kpis, previous }: KpiChanged): string {
  const moved = ((kpis.success ?? 0) - (previous?.success ?? 0)) * 100;
  const change =
    kpis.success === null || previous?.success == null ? '' : ` (${moved < 0 ? '' : '+'}${moved.toFixed(1)})`;
  const counts = [
    `relayed ${grouped(kpis.relayed)}`,
    `sent ${grouped(kpis.sent)}`,
    `failed ${grouped(kpis.failed)}`,
    `waiting ${grouped(kpis.waitingForRetry)}`,
    `complained ${grouped(kpis.complained)}`,
  ].join('  ');
  const head = `${instant(asOf)}  ${printable(deliveryId)}  ${policy}`;
  return `${head}  success ${percent(kpis.success)}${change}  ${counts}  revision ${revision}`;
}

const BAR_WIDTH = 20;

/** A bar of sent (full), failed (light) and open messages (dots), in proportion. */
export function statusBar({ relayed, sent, failed }: KpiChanged['kpis']): string {
  const cells = (count: number): number => (relayed === 0 ? 0 : Math.round((count / relayed) * BAR_WIDTH));
  const full = cells(sent);
  const light = Math.min(BAR_WIDTH - full, cells(failed));
  return '█'.repeat(full) + '░'.repeat(light) + '·'.repeat(BAR_WIDTH - full - light);
}

/** The KPIs of deliveries, one line each, under a header line. */
export function kpiTable(
  deliveries: readonly Pick<KpiChanged, 'deliveryId' | 'policy' | 'kpis'>[],
): string[] {
  const counts = ['relayed', 'taken', 'sent', 'failed', 'soft', 'waiting'];
  const titles = ['delivery', 'policy', ...counts, 'Success', 'sent █ failed ░'];
  const rows = deliveries.map(({ deliveryId, policy, kpis }) => {
    const { relayed, takenIntoAccount, sent, failed, softBounced, waitingForRetry } = kpis;
    const figures = [relayed, takenIntoAccount, sent, failed, softBounced, waitingForRetry].map(grouped);
    return [deliveryId, policy, ...figures, percent(kpis.success), statusBar(kpis)];
  });
  return table([titles, ...rows], 'llrrrrrrrl');
}

/** The KPIs of a delivery as a table. */
export function deliveryLines({
  deliveryId,
  policy,
  asOf,
  generation,
  revision,
  kpis,
}: KpiChanged): string[] {
  const count = (label: string, value: number): string[] => [label, grouped(value)];
  const reasons = byName(kpis.failedByReason).map(([reason, value]) => count(`    ${reason}`, value ?? 0));
  const domains = byName(kpis.byDomain).map(([group, each]) => [
    `  ${group}`,
    ...[each.relayed, each.sent, each.failed, each.softBounced].map(grouped),
  ]);
  const hours = byName(kpis.throughput).map(([hour, each]) => [
    `  ${hour}`,
    grouped(each.successes),
    grouped(each.errors),
  ]);
  const announced = kpis.deliverySize === null ? [] : [count('announced', kpis.deliverySize)];
  return [
    `delivery ${printable(deliveryId)}, policy ${policy}, as of ${instant(asOf)}`,
    `generation ${generation}, revision ${revision}`,
    '',
    ...table([
      ['success', percent(kpis.success)],
      ...announced,
      count('relayed', kpis.relayed),
      count('  taken into account', kpis.takenIntoAccount),
      count('  sent', kpis.sent),
      count('  failed', kpis.failed),
      count('    by a hard bounce', kpis.failedByHardBounce),
      count('    by an asynchronous bounce', kpis.failedByAsyncBounce),
      count('    by the last retry', kpis.failedByRetry),
      count('    by expiry', kpis.failedByExpiry),
      count('delivered', kpis.delivered),
      count('soft bounced', kpis.softBounced),
      count('  waiting for a retry', kpis.waitingForRetry),
      count('  recovered', kpis.recovered),
      [...count('complained', kpis.complained), complaintRate(kpis)],
      ...(reasons.length > 0 ? [['  failed for'], ...reasons] : []),
    ]),
    '',
    ...table([['by domain', 'relayed', 'sent', 'failed', 'soft bounced'], ...domains]),
    '',
    ...table([['by hour (UTC)', 'successes', 'errors'], ...hours]),
  ];
}

/** Complaints are few: the share of the delivered messages has two decimals. */
function complaintRate({ complained, delivered }: KpiChanged['kpis']): string {
  return delivered === 0 ? '' : `${((complained / delivered) * 100).toFixed(2)} % of the delivered`;
}

function factCells(label: string, fact: FactView | null): string[][] {
  if (fact === null) return [[label, 'none']];
  const { what, at, bounceClass, reason, failureType } = fact;
  const why = bounceClass === null ? '' : `, class ${bounceClass}: ${reason}, ${failureType}`;
  return [[label, `${what} at ${at}${why}`]];
}

/** Everything known about a message. */
export function messageLines(view: MessageView): string[] {
  const { status, reason, failureType, relay } = view;
  const positions = Object.entries(view.positions).map(([topic, offset]) => `${topic} ${offset}`);
  const rows = [
    ['status', status],
    ['reason', reason === null ? 'none' : `${reason}, ${failureType}`],
    ['policy', view.policy],
    ['relayed', `${relay.at}, known by ${relay.knownBy}`],
    ['valid until', view.validUntil],
    ['domain group', relay.domainGroup],
    ...factCells('last soft bounce', view.softBounce),
    ...factCells('decided by', view.outcome),
    ['complained', view.complainedAt ?? 'no'],
    ...view.why.map((sentence, i) => [i === 0 ? 'why' : '', sentence]),
    ['partition', `${view.partition} of state ${view.generation}`],
    ['folded up to', positions.join(', ')],
  ];
  return [
    `message ${printable(view.messageId)} of delivery ${printable(view.deliveryId)}`,
    ...table(rows, 'l').map((line) => `  ${line}`),
  ];
}
