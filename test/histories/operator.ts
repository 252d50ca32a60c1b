import { EfsError, type ErrorCode } from '../../src/base/errors';
import { compare } from '../../src/generations/compare';
import { type CutOverDeps, promote } from '../../src/generations/cutover';
import { dropGeneration } from '../../src/generations/drop';
import { startRebuild } from '../../src/generations/rebuild';
import { withRetry } from '../../src/tasks/retrying';
import { type Retry, retryUntil } from '../../src/tasks/retry';
import type { Installation } from './installation';
import { type Machine, machineOf, type Mutant } from './machine';
import type { Policy } from './scenario';

/** What an operator does with generations, beside the workers. */
export type Order =
  /** `efs rebuild --promote`, or without it. */
  | { readonly does: 'rebuild'; readonly policy: Policy; readonly promotes: boolean }
  /** `efs promote --generation`, of those that are not active, by a number that need not be one of theirs. */
  | { readonly does: 'promote'; readonly which: number }
  /** `efs generations drop`. */
  | { readonly does: 'drop'; readonly which: number };

/** How a command may end whatever it should have done: somebody else was first, or there is nothing to do it to. */
const EXPECTED: readonly ErrorCode[] = [
  'not-found',
  'candidate-unfit',
  'rebuild-taken-over',
  'generation-incomplete',
  'generation-dropping',
  'generation-active',
  'redis-unavailable',
  'kafka-unavailable',
];

export type Operator = Pick<Machine, 'process' | 'failures' | 'handBack'>;

/** Starts a command in a process of its own, which is gone when the command has ended. */
export function startOperator(there: Installation, name: string, order: Order, mutant: Mutant): Operator {
  const policy = there.scenario.settings.policy;
  const machine = machineOf(there, name, mutant, { policy, inGroups: false });
  const { process, failures, handBack } = machine;
  const told = (line: string): void => {
    process.dead = true;
    there.story.tell(name, () => line);
  };
  carryOut(there, machine, order).then(told, (error: unknown) => {
    if (!(error instanceof EfsError && EXPECTED.includes(error.code)))
      failures.push(`${name}: ${String(error)}`);
    told(String(error));
  });
  return { process, failures, handBack };
}

function carryOut(there: Installation, machine: Machine, order: Order): Promise<string> {
  switch (order.does) {
    case 'rebuild':
      return rebuild(there, machine, order);
    case 'promote':
      return bringBack(machine, order.which);
    case 'drop':
      return drop(machine, order.which);
  }
}

const retryOf = ({ service }: Machine): Retry =>
  retryUntil(new AbortController().signal, service.deps.retryDeps);

const cutOverOf = ({ service, store }: Machine): CutOverDeps => ({ ...service.generation, store });

async function rebuild(
  there: Installation,
  machine: Machine,
  { policy, promotes }: Extract<Order, { does: 'rebuild' }>,
): Promise<string> {
  const { service, store, failures } = machine;
  const cutOver = cutOverOf(machine);
  const { deps: pipeline, generation } = service;
  const { buckets, domainGroups } = generation.stateSettings;
  const defaultPolicy = policy === 'efs' ? 'EFS' : 'RELAY';
  const tampered = there.timesTampered();
  const source = pipeline.sources.status;
  const building = await startRebuild(
    { ...cutOver, pipeline, source, maxRate: null },
    { defaultPolicy, buckets, domainGroups },
  );
  try {
    await building.caughtUp();
    const { clock } = pipeline.retryDeps;
    const { contribution } = pipeline.wire;
    const patient = withRetry(store, retryOf(machine));
    const comparing = { store: patient, rebuild: building, contribution, clock };
    const { equal, settings, ...found } = await compare(comparing);
    const differs = found.partitions.some((each) => each.differingDeliveries + each.differingMessages > 0);
    if (differs && settings.length === 0 && tampered === there.timesTampered())
      failures.push(`a rebuild differs from the live state: ${JSON.stringify(found)}`);
    if (!promotes || !(equal || settings.length > 0)) return `built: ${equal ? 'equal' : 'not equal'}`;
    return await retryOf(machine)(() => switchTo(cutOver, building.candidate.stateId));
  } finally {
    await building.stop();
  }
}

async function switchTo(cutOver: CutOverDeps, generation: number): Promise<string> {
  const { outcome, manifest } = await promote(cutOver, generation);
  return `${outcome}: generation ${manifest.stateId} as ${manifest.generation}`;
}

/** One of the generations that are not active; null where there is none. */
async function other(machine: Machine, which: number): Promise<number | null> {
  const { store } = machine;
  const retry = retryOf(machine);
  const active = await retry(() => store.active());
  const listed = await retry(() => store.list());
  const others = listed.filter(({ stateId }) => stateId !== active?.stateId);
  return others[which % Math.max(1, others.length)]?.stateId ?? null;
}

async function bringBack(machine: Machine, which: number): Promise<string> {
  const generation = await other(machine, which);
  if (generation === null) return 'nothing to promote';
  return retryOf(machine)(() => switchTo(cutOverOf(machine), generation));
}

async function drop(machine: Machine, which: number): Promise<string> {
  const generation = await other(machine, which);
  if (generation === null) return 'nothing to drop';
  const deliveries = await dropGeneration(machine.store, generation);
  return `generation ${generation} with ${deliveries} shares of deliveries is dropped`;
}
