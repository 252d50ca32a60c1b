import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { grouped, printTable } from './report';

/** V8's CPU profile: a tree of calls, and the node of each sample. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  /** Microseconds between a sample and the one before. */
  readonly timeDeltas: readonly number[];
}

/** The group of a function: that of the first pattern which matches its URL. */
const GROUPS: readonly (readonly [group: string, place: RegExp])[] = [
  ['produce', /kafka\/(sink|transactional-sink|transaction|produce|encode)\.kafka|kafka\/checksum/],
  ['fetch', /dist\/(kafka|log)\//],
  ['decode', /dist\/avro\/|feedback\/(decode|validation)/],
  ['fold', /dist\/status\/|pipeline\/status|kpi\/(contribution|kpis|domains)|feedback\/qualification/],
  ['codec', /store\/(codec|packing|outbox|keys|hashes)/],
  ['store', /store\/|ioredis|redis-parser|denque|standard-as-callback/],
  ['kpi', /pipeline\/|dist\/kpi\//],
  ['avsc', /avsc/],
  ['kafkajs', /kafkajs/],
  ['service', /dist\/(service|tasks|generations|pipeline|base|app|cli|queries|http)|prom-client/],
  ['node', /^node:/],
];
const TOP = 30;

function groupOf(url: string, functionName: string): string {
  if (functionName === '(garbage collector)') return 'gc';
  if (functionName === '(idle)') return 'idle';
  if (functionName === '(program)') return 'native and system calls';
  return GROUPS.find(([, place]) => place.test(url))?.[0] ?? 'rest';
}

/** Of the profiles in a directory, one a thread, that of the thread with the most functions. */
function busiest(directory: string): Profile | null {
  const profiles = readdirSync(directory)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Profile);
  return profiles.sort((a, b) => b.nodes.length - a.nodes.length)[0] ?? null;
}

/** Prints the CPU's self time by group and the most expensive functions, per feedback record. */
export function printProfile(directory: string, records: number): void {
  const profile = busiest(directory);
  if (profile === null) return;
  const byNode = new Map<number, number>();
  profile.samples.forEach((id, index) =>
    byNode.set(id, (byNode.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0)),
  );
  const groups = new Map<string, number>();
  const functions = new Map<string, number>();
  for (const { id, callFrame } of profile.nodes) {
    const micros = byNode.get(id) ?? 0;
    const { functionName, url, lineNumber } = callFrame;
    const group = groupOf(url, functionName);
    const place = url === '' ? '' : ` ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`;
    const name = `${group}: ${functionName || '(anonymous)'}${place}`;
    groups.set(group, (groups.get(group) ?? 0) + micros);
    functions.set(name, (functions.get(name) ?? 0) + micros);
  }
  const perRecord = (sums: ReadonlyMap<string, number>): string[][] =>
    [...sums]
      .sort(([, a], [, b]) => b - a)
      .slice(0, TOP)
      .map(([name, micros]) => [name, grouped(micros / records, 3)]);
  printTable([['self time by group', 'µs per record'], ...perRecord(groups)]);
  console.log('');
  printTable([['self time by function', 'µs per record'], ...perRecord(functions)]);
}
