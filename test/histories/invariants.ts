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
  const isKept = (message: string): boolean => !installation.ledger.isRetired(namesIn(message));
  return [
    ...installation.violations,
    ...processes.flatMap(({ failures }) => failures),
    ...(await differences(seen, recounted, isKept)),
    ...retirementProblems(installation),
    ...brokenLinks(seen),
    ...alteredDeadLetters(installation, seen),
    ...contributionProblems(installation, seen),
    ...(installation.scenario.settings.messageStatus === 'on' ? wrongLastStatuses(seen, recounted) : []),
  ];
}

/**
 * What the service has published and stored, against the recount: no loss, no double count, the same for every order. Messages
 * of retired deliveries may be deleted already.
 */
async function differences(
  seen: Observable,
  recounted: Recount,
  isKept: (message: string) => boolean,
): Promise<string[]> {
  const last = new Map(kpiRecords(seen).map((each) => [each.deliveryId, each]));
  const deliveries = new Map([...last].map(([id, { policy, kpis }]) => [id, { policy, kpis }]));
  return compare(
    { ...recounted, messages: only(recounted.messages, isKept) },
    { deliveries, messages: only(await storedMessages(seen), isKept), deadLetters: deadLetters(seen) },
  );
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

/** The last record of a message in the compacted topic equals the recount. */
function wrongLastStatuses(seen: Observable, { messages }: Recount): string[] {
  const last = new Map(statusRecords(seen).map((each) => [`${each.deliveryId}/${each.messageId}`, each]));
  return compare({ deadLetters: new Map(), deliveries: new Map(), messages }, { messages: last }).map(
    (line) => `${MESSAGE_STATUS_TOPIC}: ${line}`,
  );
}

/** The ids in the name of a message. */
function namesIn(message: string): { readonly deliveryId: string; readonly messageId: string } {
  const [deliveryId = '', ...rest] = message.split('/');
  return { deliveryId, messageId: rest.join('/') };
}

const only = <T>(all: ReadonlyMap<string, T>, isWanted: (key: string) => boolean): ReadonlyMap<string, T> =>
  new Map([...all].filter(([key]) => isWanted(key)));
