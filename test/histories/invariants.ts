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
import type { Machine } from './machine';
import { retirementProblems } from './retirements';

/** Everything that does not hold at the end of a history, one line each. */
export async function violationsOf(
  there: Installation,
  processes: readonly Pick<Machine, 'failures'>[],
): Promise<string[]> {
  const policy = there.generations.policyOfActive();
  const seen: Observable = {
    log: there.log,
    store: there.store,
    partitions: there.scenario.partitions,
    settings: { policy },
  };
  const recounted = there.ledger.recount(nameOfPolicy(policy));
  const isKept = (deliveryId: string): boolean => !there.ledger.retirements.has(deliveryId);
  return [
    ...there.violations,
    ...processes.flatMap(({ failures }) => failures),
    ...(await differences(there, seen, recounted, isKept)),
    ...brokenLinks(seen),
    ...unfaithfulLetters(there, seen),
    ...contributionProblems(there, seen),
    ...(saysLastWords(there) ? wrongLastWords(seen, recounted, isKept) : []),
  ];
}

/** What the service has said and keeps, against the recount: no loss, no double count, the same for every order. */
async function differences(
  there: Installation,
  seen: Observable,
  recounted: Recount,
  isKept: (deliveryId: string) => boolean,
): Promise<string[]> {
  const last = new Map(kpiRecords(seen).map((each) => [each.deliveryId, each]));
  const published = new Map([...last].map(([id, { policy, kpis }]) => [id, { policy, kpis }]));
  // An announcement can be lost with the store before it is in the log. What was set aside by then counts all the same.
  const excused = new Set(there.timesTampered() > 0 ? there.ledger.unfounded() : []);
  const expected = { ...recounted, messages: only(recounted.messages, isKept, deliveryOf) };
  const problems = compare(
    { ...expected, deliveries: only(recounted.deliveries, isKept) },
    {
      deliveries: only(published, isKept),
      messages: only(await storedMessages(seen), isKept, deliveryOf),
      deadLetters: new Map([...deadLetters(seen)].filter(([origin]) => !excused.has(origin))),
    },
  );
  return [...problems, ...retirementProblems(there, published)];
}

/** Dead letters are their records, byte for byte. */
function unfaithfulLetters({ log }: Installation, seen: Observable): string[] {
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
 * After a rollback the last word on a message may be one of the life that was rolled back, where the message has since
 * come to the same end by another way, without a change that would be worth a record.
 */
const saysLastWords = ({ scenario }: Installation): boolean =>
  scenario.settings.messageStatus === 'on' && scenario.faults.every(({ kind }) => kind !== 'rollback');

/** The last record of a message in the compacted topic is what the recount says. */
function wrongLastWords(
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
