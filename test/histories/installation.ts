import { memoryLog, type MemoryLog } from '../../src/log/log.memory';
import { type Dice, dice } from '../../src/simulation/dice';
import { type Check, memoryStore } from '../../src/store/store.memory';
import { T0 } from '../support/feedback';
import { auditedStore } from './audit';
import { type Expiries, expiriesOf } from './expiries';
import { type GenerationBook, generationBook } from './generations';
import type { Server } from './faults';
import { type Process, type Schedule, schedule } from './schedule';
import { type Ledger, ledgerOf } from './ledger';
import { type Scenario, STREAMS } from './scenario';
import type { Story } from './story';

/** Everything that is not a worker: the servers, what is wrong with them, and time. */
export interface Installation {
  readonly scenario: Scenario;
  readonly schedule: Schedule;
  /** What the network does. */
  readonly chance: Dice;
  readonly jitter: Dice;
  readonly log: MemoryLog;
  readonly store: ReturnType<typeof memoryStore>;
  /** Until when a server does not answer. */
  readonly downUntil: Record<Server, number>;
  /** Until when nothing more of a topic's partition is fetched, by `topic/partition`. */
  readonly stalledUntil: Map<string, number>;
  readonly storm: { share: number; until: number };
  /** From now on nothing goes wrong any more; what is under way may still. */
  readonly calm: { reached: boolean };
  /** When the last request that is under way will have taken effect. */
  lastEffect(): number;
  noteEffect(dueMs: number): void;
  readonly ledger: Ledger;
  readonly expiries: Expiries;
  readonly generations: GenerationBook;
  /** How often the store was changed by none of its clients. */
  timesTampered(): number;
  /** Retired deliveries of which the store has forgotten that they are: what becomes of them nobody can tell. */
  readonly forgotten: ReadonlySet<string>;
  /** What was seen to be wrong while it happened. */
  readonly violations: string[];
  readonly story: Story;
}

/** The servers' own process, for what depends on no worker. */
const SERVERS: Process = { name: 'servers', dead: false, frozenUntil: 0 };

export function installationOf(scenario: Scenario, story: Story, without: readonly Check[]): Installation {
  const time = schedule(T0 + scenario.ageMs);
  let lastEffect = 0;
  const log = memoryLog({ partitions: scenario.partitions, clock: time.clockOf(SERVERS) });
  const ledger = ledgerOf(scenario, log);
  const generations = generationBook(scenario);
  let tampered = 0;
  const forgotten = new Set<string>();
  const expiries = expiriesOf(scenario, { ledger, generations, time, forgotten });
  const onTampered = (lost: ReadonlySet<string>): void => {
    tampered += 1;
    for (const id of lost) forgotten.add(id);
  };
  const books = { ledger, expiries, generations, onTampered };
  const violations: string[] = [];
  const note = (line: string): void => {
    violations.push(line);
    story.tell('!!!', () => line);
  };
  return {
    scenario,
    schedule: time,
    chance: dice(scenario.seed, STREAMS.network),
    jitter: dice(scenario.seed, STREAMS.jitter),
    log,
    store: auditedStore(memoryStore({ without }), books, note),
    ...{ ledger, expiries, generations },
    timesTampered: () => tampered,
    forgotten,
    violations,
    downUntil: { redis: 0, kafka: 0, registry: 0 },
    stalledUntil: new Map(),
    storm: { share: 0, until: 0 },
    calm: { reached: false },
    lastEffect: () => lastEffect,
    noteEffect: (dueMs) => void (lastEffect = Math.max(lastEffect, dueMs)),
    story,
  };
}
