import type { Recount, RecountedDelivery } from './recount';

interface ObservedStatus {
  readonly status: string;
  readonly reason: string | null;
  readonly failureType: string | null;
}

/** What the service has published and stored. A part that is left out is not compared. */
export interface Observed {
  /**
   * By `deliveryId`. `asOf` and `revision` are for stored figures; of published ones they may lag, since a record
   * that changes no figure is not published.
   */
  readonly deliveries?: ReadonlyMap<
    string,
    {
      readonly policy: string;
      readonly kpis: object;
      readonly asOf?: number;
      readonly revision?: number;
    }
  >;
  /** By `deliveryId/messageId`: the stored status. */
  readonly messages?: ReadonlyMap<string, ObservedStatus>;
  /** By `deliveryId/messageId`: the last published status. */
  readonly statuses?: ReadonlyMap<string, ObservedStatus>;
  /** By `topic/partition/offset`: the reason given. */
  readonly deadLetters?: ReadonlyMap<string, string>;
}

/** Every leaf of a record by its path: `byDomain.google.sent`. */
function leaves(value: unknown, path: string, into: Map<string, unknown>): Map<string, unknown> {
  if (typeof value !== 'object' || value === null) return into.set(path, value);
  for (const [name, part] of Object.entries(value))
    leaves(part, path === '' ? name : `${path}.${name}`, into);
  return into;
}

function differencesIn(what: string, expected: object, actual: object): string[] {
  const left = leaves(expected, '', new Map());
  const right = leaves(actual, '', new Map());
  const found: string[] = [];
  for (const path of [...new Set([...left.keys(), ...right.keys()])].sort()) {
    if (left.has(path) === right.has(path) && left.get(path) === right.get(path)) continue;
    const show = (side: Map<string, unknown>): string => (side.has(path) ? String(side.get(path)) : 'absent');
    found.push(`${what} ${path}: recounted ${show(left)}, found ${show(right)}`);
  }
  return found;
}

function differencesBetween<E, A>(
  kind: string,
  expected: ReadonlyMap<string, E>,
  actual: ReadonlyMap<string, A> | undefined,
  ofOne: (what: string, expected: E, actual: A) => string[],
): string[] {
  if (actual === undefined) return [];
  const found: string[] = [];
  for (const key of [...new Set([...expected.keys(), ...actual.keys()])].sort()) {
    const left = expected.get(key);
    const right = actual.get(key);
    if (left === undefined) found.push(`${kind} ${key}: found, but not recounted`);
    else if (right === undefined) found.push(`${kind} ${key}: recounted, but not found`);
    else found.push(...ofOne(`${kind} ${key}`, left, right));
  }
  return found;
}

const statusDifferences = (what: string, left: ObservedStatus, right: ObservedStatus): string[] =>
  differencesIn(
    what,
    { status: left.status, reason: left.reason, failureType: left.failureType },
    { status: right.status, reason: right.reason, failureType: right.failureType },
  );

/** The differences between the recount and the service, one readable line each; none where they agree. */
export function compare(expected: Recount, actual: Observed): string[] {
  return [
    ...differencesBetween('dead letter', expected.deadLetters, actual.deadLetters, (what, reasons, reason) =>
      reasons.includes(reason) ? [] : [`${what}: recounted ${reasons.join(' or ')}, found ${reason}`],
    ),
    ...differencesBetween('message', expected.messages, actual.messages, statusDifferences),
    ...differencesBetween('published status', expected.messages, actual.statuses, statusDifferences),
    ...differencesBetween('delivery', expected.deliveries, actual.deliveries, (what, left, right) => {
      const compared = (Object.keys(right) as (keyof RecountedDelivery)[]).filter((name) => name in left);
      const only = Object.fromEntries(compared.map((name) => [name, left[name]]));
      return differencesIn(what, only, right);
    }),
  ];
}
