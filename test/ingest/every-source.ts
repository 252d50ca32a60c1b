import { INGEST_DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import {
  type SaidEvent,
  type SaidOptions,
  saidTraffic,
  SIMULATED_SOURCES,
} from '../../src/simulation/sources/said';
import type { CampaignOptions } from '../../src/simulation/campaign';
import type { SimulatedSource } from '../../src/simulation/sources/source';
import { ORDINARY_TRAFFIC } from '../../src/simulation/traffic';
import { kpiHistory, lastOf } from '../fire/evidence';
import { lastStatuses } from '../fire/published-statuses';
import { heldBy } from '../fire/read-back';
import type { Stage } from '../fire/stage';
import { compare } from '../recount/compare';
import { ingested, moreComplaints, read, recountOf, redriven, setAsideIn } from './said';

const HOUR = 3_600_000;
const START_AT = Math.floor(Date.now() / HOUR - 96) * HOUR;
/** Events a second and source. */
export const RATE = 100;
/** Sources whose events `efs simulate` itself sends: by HTTP, to a file, and to a topic. */
export const BY_COMMAND: ReadonlySet<string> = new Set(['sparkpost', 'powermta', 'kumomta']);
/** The source that is mapped wrongly until the door is killed, and its rules. */
export const CORRECTED = 'sendgrid';
export const WRONG = { deliveryId: 'header:X-Absent' };

/** A source with its events. */
export interface Sender {
  readonly source: SimulatedSource;
  readonly options: SaidOptions & CampaignOptions;
  readonly events: readonly SaidEvent[];
}

/** All simulated sources, each with lives of its own. */
export const senders = SIMULATED_SOURCES.map((given, index): Sender => {
  const source = BY_COMMAND.has(given.name) ? given : moreComplaints(given);
  const mess = source.isOrdered ? { disorder: 0, duplicates: 0 } : { disorder: 0.01, duplicates: 0.05 };
  const lives = { seed: 500 + index, deliveries: 3, messages: 200, startAt: START_AT };
  const options = { ...ORDINARY_TRAFFIC, ...lives, ...mess, stripIdentity: 0.05 };
  return { source, options, events: [...saidTraffic(source, options)] };
});

/** The flags with which `efs simulate` sends the events of a sender. */
export function flags({ options }: Sender, to: string): string[] {
  const { seed, deliveries, messages, disorder, duplicates, stripIdentity, startAt } = options;
  const numbers = { seed, deliveries, messages, disorder, duplicates, rate: RATE };
  return [
    ...Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ...['--strip-identity', String(stripIdentity), '--start-at', new Date(startAt).toISOString(), '--to', to],
  ];
}

/** What each source must have set aside, and what of its dead letters is left after the map is corrected. */
async function setAside(stage: Stage): Promise<{ source: string; expected: string[]; found: string[] }[]> {
  const letters = await heldBy(stage, INGEST_DEAD_LETTER_TOPIC);
  const from = ({ headers }: (typeof letters)[number]): string =>
    String(headers.find(({ name }) => String(name) === 'efs.source')?.value);
  const each = senders.map(async ({ source, events }) => {
    const mapper = ingested(source);
    const found = [
      ...new Set(letters.flatMap((each) => (from(each) === source.name ? [String(each.value)] : []))),
    ];
    const left = source.name === CORRECTED ? setAsideIn(await redriven(mapper, found)) : found;
    const expected = setAsideIn(await read(source, events, events.length, mapper));
    return { source: source.name, expected: expected.sort(), found: left.sort() };
  });
  return Promise.all(each);
}

/** How what the service has published differs from the lives fed directly. */
export async function differences(stage: Stage): Promise<string[]> {
  const said = senders.flatMap(({ events }) => events.filter(({ isIdentified }) => isIdentified));
  const counted = { ...recountOf(said.map(({ feedback }) => feedback)), deadLetters: new Map() };
  const published = {
    deliveries: lastOf(await kpiHistory(stage), 'log'),
    statuses: await lastStatuses(stage),
  };
  const aside = await setAside(stage);
  return [
    ...compare(counted, published),
    ...aside.flatMap(({ source, expected, found }) => [
      ...(expected.length === 0 ? [`${source}: nothing was to be set aside`] : []),
      ...expected.filter((text) => !found.includes(text)).map((text) => `${source}: not set aside: ${text}`),
      ...found.filter((text) => !expected.includes(text)).map((text) => `${source}: set aside: ${text}`),
    ]),
  ];
}
