import { EfsError } from '../../src/base/errors';
import { type Service, startService } from '../../src/service/run';
import type { Installation } from './installation';
import { type Machine, machineOf, type Mutant } from './machine';

/** A worker of the service. Its process is gone when it has stopped. */
export interface Worker extends Omit<Machine, 'service' | 'store'> {
  stop(graceMs: number): void;
  kill(noticedMs: number): void;
}

/**
 * Starts a worker, however long that takes. It has the settings of the state that is there, as operators see to it;
 * `onRefused` is called where the state has become another by the time that the worker looks.
 */
export function startWorker(
  there: Installation,
  name: string,
  mutant: Mutant,
  onRefused: () => void,
): Worker {
  const policy = there.generations.policyOfActive();
  const { service, store: _, ...machine } = machineOf(there, name, mutant, { policy, inGroups: true });
  const starting = startService(service);
  const { process, failures } = machine;
  starting.catch((error: unknown) => {
    if (!(error instanceof EfsError && error.code === 'generation-unfit'))
      return void failures.push(String(error));
    there.story.tell(process.name, () => String(error));
    process.dead = true;
    onRefused();
  });
  return { ...machine, ...lifeOf(there, machine, starting) };
}

/** How a worker ends: by itself after it was told to, or at once. */
function lifeOf(
  { schedule, story }: Installation,
  { process, views }: Pick<Worker, 'process' | 'views'>,
  starting: Promise<Service>,
): Pick<Worker, 'stop' | 'kill'> {
  return {
    stop(graceMs) {
      const gone = (): void => {
        if (!process.dead) story.tell(process.name, () => 'has stopped');
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
