import { EfsError, type ErrorCode } from '../../src/base/errors';
import type { Server } from './faults';
import type { Installation } from './installation';
import type { Process } from './schedule';

const UNAVAILABLE: Record<Server, ErrorCode> = {
  redis: 'redis-unavailable',
  kafka: 'kafka-unavailable',
  registry: 'registry-unavailable',
};

export interface Call<T> {
  readonly server: Server;
  readonly what: () => string;
  /** What the server does when the request arrives: at once, and without waiting for anything but promises. */
  readonly effect: () => Promise<T>;
  /** What the caller gets where it cannot know what became of the request; `<server>-unavailable`, where absent. */
  readonly unknown?: () => T;
  /** The protocol sees to it that a request takes effect at most once. */
  readonly once?: boolean;
  /** For the story, of the server's answer. */
  readonly show?: (answer: T) => string;
}

/** Sends a call of a process on its way; it may be answered, lost, answered in vain, late, or made twice. */
export type Caller = <T>(call: Call<T>) => Promise<T>;

type Fate = 'served' | 'lost' | 'unanswered' | 'late' | 'doubled';
const MISFORTUNES: readonly Fate[] = ['lost', 'unanswered', 'late', 'doubled'];

const SLOW_FACTOR = 100;
const GIVE_UP_MS = 5_000;
const LATE_MS = 10_000;
const SOON_MS = 100;

/** Milliseconds that something takes on its way, one way. */
export function latency({ scenario, chance }: Installation): number {
  const { latencyMs, slow } = scenario.network;
  return latencyMs * chance.unit() * (chance.chance(slow) ? SLOW_FACTOR : 1);
}

function fateOf({ scenario, chance, schedule, storm, calm }: Installation): Fate {
  if (calm.reached) return 'served';
  const stormy = storm.until > schedule.now() ? storm.share : 0;
  if (!chance.chance(Math.max(scenario.network.loss, stormy))) return 'served';
  return MISFORTUNES[chance.below(MISFORTUNES.length)]!;
}

export function callerOf(there: Installation, process: Process): Caller {
  const { schedule, chance } = there;
  return <T>(call: Call<T>) =>
    new Promise<T>((resolve, reject) => {
      const drawn = fateOf(there);
      const fate = drawn === 'doubled' && call.once === true ? 'unanswered' : drawn;
      const reply = (settle: () => void): void => void schedule.after(latency(there), settle, process);
      const giveUp = (): void => {
        try {
          resolve((call.unknown ?? refusal(call.server))());
        } catch (error) {
          reject(error);
        }
      };
      const answer = {
        took: (value: T): void => reply(() => resolve(value)),
        failed: (error: unknown): void => reply(() => reject(error)),
        refused: (): void => reply(giveUp),
      };
      const patienceMs = fate === 'served' ? 0 : GIVE_UP_MS * chance.unit();
      switch (fate) {
        case 'served':
          return request(there, process, call, latency(there), answer);
        case 'doubled':
          request(there, process, call, latency(there), answer);
          return request(there, process, call, patienceMs, answer);
        case 'unanswered':
          request(there, process, call, latency(there), null);
          return void schedule.after(patienceMs, giveUp, process);
        case 'late':
          request(there, process, call, patienceMs + LATE_MS * chance.unit(), null);
          return void schedule.after(patienceMs, giveUp, process);
        case 'lost':
          return void schedule.after(patienceMs, giveUp, process);
      }
    });
}

const refusal = (server: Server) => (): never => {
  throw new EfsError(UNAVAILABLE[server], `${server} does not answer in this history`);
};

interface Answer<T> {
  took(value: T): void;
  failed(error: unknown): void;
  refused(): void;
}

/**
 * A request on its way. Of what a process had sent when it died or froze, some is with the network already and some is
 * still its own.
 */
function request<T>(
  there: Installation,
  process: Process,
  call: Call<T>,
  delayMs: number,
  answer: Answer<T> | null,
): void {
  const { schedule, chance, downUntil, story } = there;
  let isHeld = false;
  const arrive = (): void => {
    const now = schedule.now();
    if (process.dead && chance.below(2) === 0) return;
    if (process.frozenUntil > now && !isHeld && chance.below(2) === 0) {
      isHeld = true;
      schedule.after(process.frozenUntil - now + latency(there), arrive);
      return;
    }
    if (downUntil[call.server] > now) return answer?.refused();
    call.effect().then(
      (value) => {
        story.tell(process.name, () => told(call, value, answer === null));
        answer?.took(value);
      },
      (error: unknown) => {
        story.tell(process.name, () => `${call.what()}: ${String(error)}`);
        answer?.failed(error);
      },
    );
  };
  const { due } = schedule.after(delayMs, arrive);
  if (!there.calm.reached && delayMs > SOON_MS) there.noteEffect(due);
}

function told<T>({ what, show }: Call<T>, value: T, isUnanswered: boolean): string {
  const answer = show === undefined ? '' : `: ${show(value)}`;
  return `${what()}${answer}${isUnanswered ? ' (the answer never arrives)' : ''}`;
}
