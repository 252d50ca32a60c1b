import { assert, must } from '../src/base/assert';
import { wireEncoder } from '../src/feedback/encode';
import { FEEDBACK_TOPICS } from '../src/feedback/topics';
import { takenOfBody } from '../src/ingest/body';
import { ingestSource, ofFormat } from '../src/ingest/configure';
import { writer } from '../src/ingest/writer';
import type { OutgoingRecord, Sink } from '../src/log/sink';
import { saidTraffic, SIMULATED_SOURCES } from '../src/simulation/sources/said';
import type { SimulatedSource } from '../src/simulation/sources/source';
import { ORDINARY_TRAFFIC } from '../src/simulation/traffic';
import { benchDoor } from './door';
import { against, median, printTable } from './report';

export interface IngestOptions {
  /** Simulated messages of each source; each has about two events. */
  readonly messages: number;
  /** Medians of so many passes, after one to warm up. */
  readonly repeat: number;
}

/** Events per second on one core that each source must reach. */
const FLOORS: ReadonlyMap<string, number> = new Map([
  ['kumomta', 20_000],
  ['sparkpost', 20_000],
  ['ses', 20_000],
  ['powermta', 20_000],
  ['postfix', 20_000],
  ['mail', 1_000],
]);

/** A mail costs as much as twenty events. */
const MESSAGES_PER_MAIL = 8;
const FILE_EVENTS = 1_000;
const IDS = Object.fromEntries(FEEDBACK_TOPICS.map(({ kind }, index) => [kind, index + 1]));

/** A sink that only counts. */
function counter(): Sink & { records: number } {
  return {
    records: 0,
    emit(records: readonly OutgoingRecord[]) {
      this.records += records.length;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

interface Work {
  readonly bodies: readonly Buffer[];
  readonly events: number;
}

/** What a source writes for the messages, as the bodies that carry it. */
function workOf(source: SimulatedSource, messages: number): Work {
  const options = { ...ORDINARY_TRAFFIC, messages, stripIdentity: 0 };
  const texts = [...saidTraffic(source, options)].map(({ text }) => text);
  const size = source.isOrdered ? texts.length : (source.framing.eventsMax ?? FILE_EVENTS);
  const bodies: Buffer[] = [];
  for (let from = 0; from < texts.length; from += size)
    bodies.push(Buffer.from(source.framing.body(texts.slice(from, from + size))));
  return { bodies, events: texts.length };
}

/** CPU seconds of one pass: read, map and encode. Every event must become a record. */
async function pass(source: SimulatedSource, { bodies, events }: Work): Promise<number> {
  const sink = counter();
  const write = writer({
    sink,
    encode: wireEncoder(IDS as Parameters<typeof wireEncoder>[0]),
    partitions: 12,
  });
  const ingested = ingestSource({ ...ofFormat(source.name), ...source.identity }, Date.UTC(2026, 1, 1));
  const begun = process.cpuUsage();
  for (const body of bodies)
    await write(ingested, await takenOfBody(ingested, body, source.framing.contentType));
  const { user, system } = process.cpuUsage(begun);
  assert(sink.records === events, `${sink.records} records of ${events} events of ${source.name}`);
  return (user + system) / 1e6;
}

async function measure(source: SimulatedSource, { messages, repeat }: IngestOptions): Promise<string[]> {
  const work = workOf(source, source.name === 'mail' ? Math.ceil(messages / MESSAGES_PER_MAIL) : messages);
  await pass(source, work);
  const seconds: number[] = [];
  for (let i = 0; i < repeat; i++) seconds.push(await pass(source, work));
  const floor = must(FLOORS.get(source.name), `no floor for ${source.name}`);
  return against(source.name, work.events / median(seconds), { least: floor }, 0);
}

/** Events per second of one core, from the bytes of a source to the bytes of the records; then the door. */
export async function benchIngest(options: IngestOptions): Promise<void> {
  const rows = [['events per second of one core', 'measured', 'floor', '']];
  for (const source of SIMULATED_SOURCES) rows.push(await measure(source, options));
  printTable(rows);
  await benchDoor(options.messages);
}
