import { DEAD_LETTER_TOPIC, MESSAGE_STATUS_TOPIC } from '../../src/feedback/topics';
import { compare } from '../recount/compare';
import type { Recount } from '../recount/recount';
import {
  brokenLinks,
  deadLetters,
  kpiRecords,
  type Observable,
  recordsOf,
  statusRecords,
  storedMessages,
} from '../support/observe';
import { contributionProblems } from './contributions';
import { nameOfPolicy } from './generations';
import type { Installation } from './installation';
import type { ServiceInstance } from './instance';
import { retirementProblems } from './retirements';

/** Every invariant that does not hold at the end of a history, one line each. */
export async function violationsOf(
  installation: Installation,
  processes: readonly Pick<ServiceInstance, 'failures'>[],
): Promise<string[]> {
  const policy = installation.generations.policyOfActive();
  const seen: Observable = {
    log: installation.log,
    store: installation.store,
    partitions: installation.scenario.partitions,
    settings: { policy },
  };
  const recounted = installation.ledger.recount(nameOfPolicy(policy));
  const isKept = (deliveryId: string): boolean => !installation.ledger.retirements.has(deliveryId);
  return [
    ...installation.violations,
    ...processes.flatMap(({ failures }) => failures),
    ...(await differences(installation, seen, recounted, isKept)),
    ...brokenLinks(seen),
    ...alteredDeadLetters(installation, seen),
    ...contributionProblems(installation, seen),
    ...(checksLastStatuses(installation) ? wrongLastStatuses(seen, recounted, isKept) : []),
  ];
}

/** What the service has published and stored, against the recount: no loss, no double count, the same for every order. */
async function differences(
  installation: Installation,
  seen: Observable,
  recounted: Recount,
  isKept: (deliveryId: string) => boolean,
): Promise<string[]> {
  const last = new Map(kpiRecords(seen).map((each) => [each.deliveryId, each]));
  const published = new Map([...last].map(([id, { policy, kpis }]) => [id, { policy, kpis }]));
  // A marker can be lost with the store before it is in the log. Records dead-lettered by then count nevertheless.
  const excused = new Set(installation.outsideChanges() > 0 ? installation.ledger.unfounded() : []);
  const expected = { ...recounted, messages: only(recounted.messages, isKept, deliveryOf) };
  const problems = compare(
    { ...expected, deliveries: only(recounted.deliveries, isKept) },
    {
      deliveries: only(published, isKept),
      messages: only(await storedMessages(seen), isKept, deliveryOf),
      deadLetters: new Map([...deadLetters(seen)].filter(([origin]) => !excused.has(origin))),
    },
  );
  return [...problems, ...retirementProblems(installation, published)];
}

/** Dead letters equal their records, byte for byte. */
function alteredDeadLetters({ log }: Installation, seen: Observable): string[] {
  return recordsOf(seen, DEAD_LETTER_TOPIC).flatMap(({ header, key, value, headerCount }) => {
    const [topic = '', partition, offset] = header('efs.origin').split('/');
    const original = log.entry(topic, Number(partition), Number(offset))?.record;
    const isSame =
      original != null &&
      same(original.key, key) &&
      same(original.value, value) &&
      headerCount - (original.headers ?? []).length === ADDED_HEADERS;
    return isSame ? [] : [`the dead letter of ${header('efs.origin')} is not its record`];
  });
}

const ADDED_HEADERS = 7;
const same = (a: Buffer | null, b: Buffer | null): boolean =>
  a === null ? b === null : b !== null && a.equals(b);

/**
 * After a rollback the last status record of a message may come from before it, where the message has since reached the
 * same status by another way: an unchanged status is not published again.
 */
const checksLastStatuses = ({ scenario }: Installation): boolean =>
  scenario.settings.messageStatus === 'on' && scenario.faults.every(({ kind }) => kind !== 'rollback');

/** The last record of a message in the compacted topic equals the recount. */
function wrongLastStatuses(
  seen: Observable,
  recounted: Recount,
  isKept: (deliveryId: string) => boolean,
): string[] {
  const last = new Map(statusRecords(seen).map((each) => [`${each.deliveryId}/${each.messageId}`, each]));
  const messages = only(recounted.messages, isKept, deliveryOf);
  return compare(
    { deadLetters: new Map(), deliveries: new Map(), messages },
    { messages: only(last, isKept, deliveryOf) },
  ).map((line) => `${MESSAGE_STATUS_TOPIC}: ${line}`);
}

const deliveryOf = (message: string): string => message.split('/')[0] ?? '';

function only<T>(
  all: ReadonlyMap<string, T>,
  isWanted: (deliveryId: string) => boolean,
  deliveryIn = (key: string): string => key,
): ReadonlyMap<string, T> {
  return new Map([...all].filter(([key]) => isWanted(deliveryIn(key))));
}
