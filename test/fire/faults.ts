import type { Servers } from '../../src/app/compose';
import { CONTRIBUTIONS_TOPIC, DEAD_LETTER_TOPIC, RETRY_OUTCOME_TOPIC } from '../../src/feedback/topics';
import type { OutgoingRecord } from '../../src/log/sink';
import type { Store } from '../../src/store/store';

/** Where a worker can be struck: a call to one of its ends. */
export const POINTS = [
  'claim:status',
  'claim:kpi',
  'load:status',
  'load:kpi',
  'commit:status',
  'commit:kpi',
  'emit:dead-letter',
  'emit:contributions',
  'emit:expiry',
  'emit:kpi',
  'open:kpi',
] as const;
export type Point = (typeof POINTS)[number];

/** What happens at the n-th call of a point, before it begins or after it has been answered. */
export interface Fault {
  readonly point: Point;
  readonly side: 'before' | 'after';
  readonly nth: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

/** Ends that are weaker than the product's own, to show what its defences are for. */
export const WEAKNESSES = ['unfenced-sink', 'unchecked-commit', 'commit-before-dead-letter'] as const;
export type Weakness = (typeof WEAKNESSES)[number];

/** What a test worker is told, as JSON in this variable. */
export const ORDERS_VARIABLE = 'FIRE_ORDERS';
export interface Orders {
  readonly fault?: Fault;
  readonly weaknesses?: readonly Weakness[];
}

/** Strikes this process where the fault says. `say` writes at once: nothing is written after the blow. */
function striker(fault: Fault | undefined, say: (line: string) => void) {
  let calls = 0;
  const isDue = (point: Point, side: Fault['side']): boolean =>
    fault !== undefined && point === fault.point && side === fault.side && ++calls === fault.nth;
  const strike = (point: Point, side: Fault['side']): boolean => {
    if (!isDue(point, side) || fault === undefined) return false;
    say(`struck: ${fault.signal} ${side} ${point} #${fault.nth}`);
    process.kill(process.pid, fault.signal);
    return true;
  };
  return async <T>(point: Point, call: () => Promise<T>): Promise<T> => {
    const isStruck = strike(point, 'before');
    const result = await call();
    if (isStruck) say('struck call is through');
    strike(point, 'after');
    return result;
  };
}

function pointOf(records: readonly OutgoingRecord[]): Point {
  const topic = records[0]?.topic;
  if (topic === DEAD_LETTER_TOPIC) return 'emit:dead-letter';
  if (topic === RETRY_OUTCOME_TOPIC) return 'emit:expiry';
  return topic === CONTRIBUTIONS_TOPIC ? 'emit:contributions' : 'emit:kpi';
}

/** The ends with the fault armed. Everything else passes through unchanged. */
export function struckEnds(deps: Servers, fault: Fault | undefined, say: (line: string) => void): Servers {
  const at = striker(fault, say);
  const { store, sink, fencedSinks } = deps;
  const struck: Pick<Store, 'claim' | 'load' | 'commit'> = {
    claim: (task) => at(`claim:${task.pipeline}`, () => store.claim(task, 1)),
    load: (task, reads) => at(`load:${task.pipeline}`, () => store.load(task, reads)),
    commit: (task, commit) => at(`commit:${task.pipeline}`, () => store.commit(task, commit)),
  };
  return {
    ...deps,
    store: { ...store, ...struck },
    sink: { ...sink, emit: (records) => at(pointOf(records), () => sink.emit(records)) },
    fencedSinks: {
      open: async (name) => {
        const fenced = await at('open:kpi', () => fencedSinks.open(name));
        return {
          ...fenced,
          emit: (records, checkpoint) => at('emit:kpi', () => fenced.emit(records, checkpoint)),
        };
      },
    },
  };
}
