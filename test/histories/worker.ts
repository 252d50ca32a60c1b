import { EfsError } from '../../src/base/errors';
import { type Service, startService } from '../../src/service/run';
import type { Installation } from './installation';
import { type ServiceInstance, composeInstance, type Mutant } from './instance';

/** A worker of the service. Its process is dead once it has stopped. */
export interface Worker extends Omit<ServiceInstance, 'service' | 'store'> {
  stop(graceMs: number): void;
  kill(noticedMs: number): void;
}

/**
 * Starts a worker. It has the settings of the active state, as operators would configure them; `onRefused` is called
 * where the state has changed before the worker reads it.
 */
export function startWorker(
  installation: Installation,
  name: string,
  mutant: Mutant,
  onRefused: () => void,
): Worker {
  const policy = installation.generations.policyOfActive();
  const {
    service,
    store: _,
    ...instance
  } = composeInstance(installation, name, mutant, { policy, inGroups: true });
  const starting = startService(service);
  const { process, failures } = instance;
  starting.catch((error: unknown) => {
    if (!(error instanceof EfsError && error.code === 'generation-unfit'))
      return void failures.push(String(error));
    installation.trace.add(process.name, () => String(error));
    process.dead = true;
    onRefused();
  });
  return { ...instance, ...stopAndKill(installation, instance, starting) };
}

/** How a worker ends: by a graceful stop, or killed. */
function stopAndKill(
  { schedule, trace }: Installation,
  { process, views }: Pick<Worker, 'process' | 'views'>,
  starting: Promise<Service>,
): Pick<Worker, 'stop' | 'kill'> {
  return {
    stop(graceMs) {
      const gone = (): void => {
        if (!process.dead) trace.add(process.name, () => 'has stopped');
        process.dead = true;
        for (const view of views) view.expel();
      };
      void starting.then((service) => service.stop(graceMs)).then(gone, gone);
    },
    kill(noticedMs) {
      process.dead = true;
      schedule.after(noticedMs, () => views.forEach((view) => view.expel()));
    },
  };
}
