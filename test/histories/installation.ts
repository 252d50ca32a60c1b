import { memoryLog, type MemoryLog } from '../../src/log/log.memory';
import { type Dice, dice } from '../../src/simulation/dice';
import { type Check, memoryStore } from '../../src/store/store.memory';
import { T0 } from '../support/feedback';
import { auditedStore } from './audit';
import { type Expiries, expiriesOf } from './expiries';
import { type GenerationHistory, generationHistory } from './generations';
import type { Server } from './faults';
import { type Process, type Schedule, schedule } from './schedule';
import { type Ledger, ledgerOf } from './ledger';
import { type Scenario, STREAMS } from './scenario';
import type { Trace } from './trace';

/** Everything but the workers: servers, injected faults and time. */
export interface Installation {
  readonly scenario: Scenario;
  readonly schedule: Schedule;
  /** The random stream of the network. */
  readonly chance: Dice;
  readonly jitter: Dice;
  readonly log: MemoryLog;
  readonly store: ReturnType<typeof memoryStore>;
  /** Until when a server does not answer. */
  readonly downUntil: Record<Server, number>;
  /** Until when a topic's partition is not fetched, by `topic/partition`. */
  readonly stalledUntil: Map<string, number>;
  readonly storm: { share: number; until: number };
  /** From now on no call fails; requests in flight may still be lost. */
  readonly calm: { reached: boolean };
  /** When the last request in flight will have taken effect. */
  lastEffect(): number;
  recordEffect(dueMs: number): void;
  readonly ledger: Ledger;
  readonly expiries: Expiries;
  readonly generations: GenerationHistory;
  /** How often the store was changed from outside of its clients. */
  outsideChanges(): number;
  /** Violations found while the history ran. */
  readonly violations: string[];
  readonly trace: Trace;
}

/** The servers' own process, independent of the workers. */
const SERVERS: Process = { name: 'servers', dead: false, frozenUntil: 0 };

export function installationOf(scenario: Scenario, trace: Trace, without: readonly Check[]): Installation {
  const time = schedule(T0 + scenario.ageMs);
  let lastEffect = 0;
  const log = memoryLog({ partitions: scenario.partitions, clock: time.clockOf(SERVERS) });
  const generations = generationHistory(scenario);
  const ledger = ledgerOf(scenario, log, generations);
  const expiries = expiriesOf(scenario, { ledger, generations, time });
  let changedOutside = 0;
  const onOutsideChange = (): void => void (changedOutside += 1);
  const books = { ledger, expiries, generations, onOutsideChange };
  const violations: string[] = [];
  const report = (line: string): void => {
    violations.push(line);
    trace.add('!!!', () => line);
  };
  return {
    scenario,
    schedule: time,
    chance: dice(scenario.seed, STREAMS.network),
    jitter: dice(scenario.seed, STREAMS.jitter),
    log,
    store: auditedStore(memoryStore({ without }), books, report),
    ...{ ledger, expiries, generations },
    outsideChanges: () => changedOutside,
    violations,
    downUntil: { redis: 0, kafka: 0, registry: 0 },
    stalledUntil: new Map(),
    storm: { share: 0, until: 0 },
    calm: { reached: false },
    lastEffect: () => lastEffect,
    recordEffect: (dueMs) => void (lastEffect = Math.max(lastEffect, dueMs)),
    trace,
  };
}
