import { EfsError, type ErrorCode } from '../../src/base/errors';
import { compare } from '../../src/generations/compare';
import { promote } from '../../src/generations/cutover';
import type { GenerationDeps } from '../../src/generations/generation';
import { dropGeneration } from '../../src/generations/drop';
import { startRebuild } from '../../src/generations/rebuild';
import { withRetry } from '../../src/tasks/retrying';
import { type Retry, retryUntil } from '../../src/tasks/retry';
import type { Installation } from './installation';
import { type ServiceInstance, composeInstance, type Mutant } from './instance';
import type { Policy } from './scenario';

/** An operator's command on generations, run beside the workers. */
export type Order =
  /** `efs rebuild --promote`, or without it. */
  | { readonly does: 'rebuild'; readonly policy: Policy; readonly promotes: boolean }
  /** `efs promote --generation`, of an inactive generation, by a number that is taken modulo their count. */
  | { readonly does: 'promote'; readonly which: number }
  /** `efs generations drop`. */
  | { readonly does: 'drop'; readonly which: number };

/** Errors that a command may end with: another command was first, or there is nothing to do. */
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

export type Operator = Pick<ServiceInstance, 'process' | 'failures' | 'returnDecoders'>;

/** Starts a command in a process of its own, which is dead when the command has ended. */
export function startOperator(
  installation: Installation,
  name: string,
  order: Order,
  mutant: Mutant,
): Operator {
  const policy = installation.scenario.settings.policy;
  const instance = composeInstance(installation, name, mutant, { policy, inGroups: false });
  const { process, failures, returnDecoders } = instance;
  const end = (line: string): void => {
    process.dead = true;
    installation.trace.add(name, () => line);
  };
  carryOut(installation, instance, order).then(end, (error: unknown) => {
    if (!(error instanceof EfsError && EXPECTED.includes(error.code)))
      failures.push(`${name}: ${String(error)}`);
    end(String(error));
  });
  return { process, failures, returnDecoders };
}

function carryOut(installation: Installation, instance: ServiceInstance, order: Order): Promise<string> {
  switch (order.does) {
    case 'rebuild':
      return rebuild(installation, instance, order);
    case 'promote':
      return promoteOther(instance, order.which);
    case 'drop':
      return drop(instance, order.which);
  }
}

const retryOf = ({ service }: ServiceInstance): Retry =>
  retryUntil(new AbortController().signal, service.deps.retryDeps);

async function rebuild(
  installation: Installation,
  instance: ServiceInstance,
  { policy, promotes }: Extract<Order, { does: 'rebuild' }>,
): Promise<string> {
  const { service, store, failures } = instance;
  const { deps: pipeline, generation, stateSettings } = service;
  const { buckets, domainGroups } = stateSettings;
  const defaultPolicy = policy === 'efs' ? 'EFS' : 'RELAY';
  const changedOutside = installation.outsideChanges();
  const source = pipeline.sources.status;
  const building = await startRebuild(
    { ...generation, pipeline, source, maxRate: null },
    { defaultPolicy, buckets, domainGroups },
  );
  try {
    await building.caughtUp();
    const { clock } = pipeline.retryDeps;
    const { contribution } = pipeline.wire;
    const retrying = withRetry(store, retryOf(instance));
    const comparing = { store: retrying, rebuild: building, contribution, clock };
    const { equal, settings, ...found } = await compare(comparing);
    const differs = found.partitions.some((each) => each.differingDeliveries + each.differingMessages > 0);
    if (differs && settings.length === 0 && changedOutside === installation.outsideChanges())
      failures.push(`a rebuild differs from the active state: ${JSON.stringify(found)}`);
    if (!promotes || !(equal || settings.length > 0)) return `built: ${equal ? 'equal' : 'not equal'}`;
    return await retryOf(instance)(() => switchTo(generation, building.candidate.stateId));
  } finally {
    await building.stop();
  }
}

async function switchTo(deps: GenerationDeps, stateId: number): Promise<string> {
  const { outcome, manifest } = await promote(deps, stateId);
  return `${outcome}: generation ${manifest.stateId} as ${manifest.generation}`;
}

/** One of the inactive generations; null where there is none. */
async function other(instance: ServiceInstance, which: number): Promise<number | null> {
  const { store } = instance;
  const retry = retryOf(instance);
  const active = await retry(() => store.active());
  const listed = await retry(() => store.list());
  const others = listed.filter(({ stateId }) => stateId !== active?.stateId);
  return others[which % Math.max(1, others.length)]?.stateId ?? null;
}

async function promoteOther(instance: ServiceInstance, which: number): Promise<string> {
  const generation = await other(instance, which);
  if (generation === null) return 'nothing to promote';
  return retryOf(instance)(() => switchTo(instance.service.generation, generation));
}

async function drop(instance: ServiceInstance, which: number): Promise<string> {
  const generation = await other(instance, which);
  if (generation === null) return 'nothing to drop';
  const deliveries = await dropGeneration(instance.store, generation);
  return `generation ${generation} with ${deliveries} shares of deliveries is dropped`;
}
