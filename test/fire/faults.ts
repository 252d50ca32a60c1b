import type { Servers } from '../../src/app/compose';
import { CONTRIBUTIONS_TOPIC, DEAD_LETTER_TOPIC, RETRY_OUTCOME_TOPIC } from '../../src/feedback/topics';
import type { OutgoingRecord } from '../../src/log/sink';
import type { Store } from '../../src/store/store';

/** Where a fault can be injected: a call of a worker to one of its dependencies. */
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

/** A signal to the process at the n-th call of a point, before it begins or after it was answered. */
export interface Fault {
  readonly point: Point;
  readonly side: 'before' | 'after';
  readonly nth: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

/** Dependencies weaker than the product's own, to show what its defences are for. */
export const WEAKNESSES = ['unfenced-sink', 'unchecked-commit', 'commit-before-dead-letter'] as const;
export type Weakness = (typeof WEAKNESSES)[number];

/** The faults of a test worker, as JSON in this variable. */
export const FAULTS_VARIABLE = 'TEST_FAULTS';
export interface InjectedFaults {
  readonly fault?: Fault;
  readonly weaknesses?: readonly Weakness[];
}

/** Sends this process the fault's signal. `log` writes at once: after the signal nothing is written. */
function faultInjector(fault: Fault | undefined, log: (line: string) => void) {
  let calls = 0;
  const isDue = (point: Point, side: Fault['side']): boolean =>
    fault !== undefined && point === fault.point && side === fault.side && ++calls === fault.nth;
  const inject = (point: Point, side: Fault['side']): boolean => {
    if (!isDue(point, side) || fault === undefined) return false;
    log(`fault injected: ${fault.signal} ${side} ${point} #${fault.nth}`);
    process.kill(process.pid, fault.signal);
    return true;
  };
  return async <T>(point: Point, call: () => Promise<T>): Promise<T> => {
    const isFaulted = inject(point, 'before');
    const result = await call();
    if (isFaulted) log('faulted call completed');
    inject(point, 'after');
    return result;
  };
}

function pointOf(records: readonly OutgoingRecord[]): Point {
  const topic = records[0]?.topic;
  if (topic === DEAD_LETTER_TOPIC) return 'emit:dead-letter';
  if (topic === RETRY_OUTCOME_TOPIC) return 'emit:expiry';
  return topic === CONTRIBUTIONS_TOPIC ? 'emit:contributions' : 'emit:kpi';
}

/** The dependencies with the fault armed. All other calls are unchanged. */
export function depsWithFault(deps: Servers, fault: Fault | undefined, log: (line: string) => void): Servers {
  const at = faultInjector(fault, log);
  const { store, sink, transactionalSinks } = deps;
  const faulty: Pick<Store, 'claim' | 'load' | 'commit'> = {
    claim: (task) => at(`claim:${task.pipeline}`, () => store.claim(task, 1)),
    load: (task, reads) => at(`load:${task.pipeline}`, () => store.load(task, reads)),
    commit: (task, commit) => at(`commit:${task.pipeline}`, () => store.commit(task, commit)),
  };
  return {
    ...deps,
    store: { ...store, ...faulty },
    sink: { ...sink, emit: (records) => at(pointOf(records), () => sink.emit(records)) },
    transactionalSinks: {
      open: async (name) => {
        const fenced = await at('open:kpi', () => transactionalSinks.open(name));
        return {
          ...fenced,
          emit: (records, checkpoint) => at('emit:kpi', () => fenced.emit(records, checkpoint)),
        };
      },
    },
  };
}
