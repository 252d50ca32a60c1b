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
  /** What the server does when the request arrives: at once, waiting for nothing but promises. */
  readonly effect: () => Promise<T>;
  /** The caller's result where it cannot know whether the request took effect; `<server>-unavailable`, where absent. */
  readonly unknown?: () => T;
  /** The protocol makes a request take effect at most once. */
  readonly once?: boolean;
  /** Formats the server's answer for the trace. */
  readonly show?: (answer: T) => string;
}

/** Sends a call of a process; its request may be served, lost, late, or sent twice, its answer lost. */
export type Caller = <T>(call: Call<T>) => Promise<T>;

type CallResult = 'served' | 'lost' | 'unanswered' | 'late' | 'doubled';
const FAULTY_RESULTS: readonly CallResult[] = ['lost', 'unanswered', 'late', 'doubled'];

const SLOW_FACTOR = 100;
const TIMEOUT_MS = 5_000;
const LATE_MS = 10_000;
const SOON_MS = 100;

/** One-way latency of a request or an answer, in milliseconds. */
export function latency({ scenario, chance }: Installation): number {
  const { latencyMs, slow } = scenario.network;
  return latencyMs * chance.unit() * (chance.chance(slow) ? SLOW_FACTOR : 1);
}

function drawResult({ scenario, chance, schedule, storm, calm }: Installation): CallResult {
  if (calm.reached) return 'served';
  const stormy = storm.until > schedule.now() ? storm.share : 0;
  if (!chance.chance(Math.max(scenario.network.loss, stormy))) return 'served';
  return FAULTY_RESULTS[chance.below(FAULTY_RESULTS.length)]!;
}

export function callerOf(installation: Installation, process: Process): Caller {
  const { schedule, chance } = installation;
  return <T>(call: Call<T>) =>
    new Promise<T>((resolve, reject) => {
      const drawn = drawResult(installation);
      const result = drawn === 'doubled' && call.once === true ? 'unanswered' : drawn;
      const reply = (settle: () => void): void => void schedule.after(latency(installation), settle, process);
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
      const timeoutMs = result === 'served' ? 0 : TIMEOUT_MS * chance.unit();
      switch (result) {
        case 'served':
          return request(installation, process, call, latency(installation), answer);
        case 'doubled':
          request(installation, process, call, latency(installation), answer);
          return request(installation, process, call, timeoutMs, answer);
        case 'unanswered':
          request(installation, process, call, latency(installation), null);
          return void schedule.after(timeoutMs, giveUp, process);
        case 'late':
          request(installation, process, call, timeoutMs + LATE_MS * chance.unit(), null);
          return void schedule.after(timeoutMs, giveUp, process);
        case 'lost':
          return void schedule.after(timeoutMs, giveUp, process);
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
 * A request in flight. Of what a process had sent when it died or froze, some requests have left it and some have not.
 */
function request<T>(
  installation: Installation,
  process: Process,
  call: Call<T>,
  delayMs: number,
  answer: Answer<T> | null,
): void {
  const { schedule, chance, downUntil, trace } = installation;
  let isHeld = false;
  const arrive = (): void => {
    const now = schedule.now();
    if (process.dead && chance.below(2) === 0) return;
    if (process.frozenUntil > now && !isHeld && chance.below(2) === 0) {
      isHeld = true;
      schedule.after(process.frozenUntil - now + latency(installation), arrive);
      return;
    }
    if (downUntil[call.server] > now) return answer?.refused();
    call.effect().then(
      (value) => {
        trace.add(process.name, () => traceLine(call, value, answer === null));
        answer?.took(value);
      },
      (error: unknown) => {
        trace.add(process.name, () => `${call.what()}: ${String(error)}`);
        answer?.failed(error);
      },
    );
  };
  const { due } = schedule.after(delayMs, arrive);
  if (!installation.calm.reached && delayMs > SOON_MS) installation.recordEffect(due);
}

function traceLine<T>({ what, show }: Call<T>, value: T, isUnanswered: boolean): string {
  const answer = show === undefined ? '' : `: ${show(value)}`;
  return `${what()}${answer}${isUnanswered ? ' (the answer never arrives)' : ''}`;
}
