import type { MasterFacts, StateInspection } from '../../store/inspection';
import type { StateServer } from '../../store/server';
import { clockFailure } from '../state-server';
import { failed, type Finding, ok, orOk, problem, tried, warning } from './finding';

/** Redis, connected. */
export interface RedisDeps {
  readonly server: Pick<StateServer, 'inspect'>;
  readonly inspection: StateInspection;
  /** Throws what a worker throws at its start: `redis-evicts`, `config-invalid` where it is too old. */
  checkServer(): Promise<void>;
}

/** Checks Redis and the rights of its user. */
export async function checkRedis({
  server,
  inspection,
  checkServer,
}: RedisDeps): Promise<readonly Finding[]> {
  const masters = await inspection.masters();
  const [fit, rights, clock] = await Promise.all([
    tried('redis', async () => {
      await checkServer();
      return [ok('redis', versionsOf(masters))];
    }),
    tried('redis-rights', async () => rightsFindings(await inspection.refusedCommands())),
    tried('clock', async () => clockFindings((await server.inspect()).aheadMs)),
  ]);
  return [...fit, ...memoryFindings(masters), ...persistenceFindings(masters), ...rights, ...clock];
}

const versionsOf = (masters: readonly MasterFacts[]): string => {
  const versions = [...new Set(masters.map(({ version }) => version))].join(', ');
  return versions === ''
    ? 'it answers; its user may not ask for more (INFO)'
    : `${versions}, maxmemory-policy noeviction`;
};

/** A commit is refused where memory is full. */
const FULL_SHARE = 0.95;
const SCARCE_SHARE = 0.75;

export function memoryFindings(masters: readonly MasterFacts[]): readonly Finding[] {
  const found = masters.flatMap(({ name, usedBytes, maxBytes }) => {
    const share = maxBytes === 0 ? 0 : usedBytes / maxBytes;
    if (share < SCARCE_SHARE) return [];
    const judge = share >= FULL_SHARE ? problem : warning;
    const text = `${name} uses ${Math.round(share * 100)} % of maxmemory (${maxBytes} bytes): it refuses commits when that is full`;
    return [
      judge('redis-memory', text, 'give it more memory, or keep deliveries for less long (EFS_RETENTION)'),
    ];
  });
  const used = masters.reduce((sum, { usedBytes }) => sum + usedBytes, 0);
  return masters.length === 0 ? [] : orOk('redis-memory', found, `${Math.ceil(used / 1e6)} MB used`);
}

export function persistenceFindings(masters: readonly MasterFacts[]): readonly Finding[] {
  const found = masters.flatMap(({ name, persistence, replicas }) => {
    if (persistence === 'failing')
      return [
        problem(
          'redis-persistence',
          `${name} could not save to its disk, and takes no writes (MISCONF)`,
          'see its log: mostly its disk is full, or its user may not write there',
        ),
      ];
    if (persistence !== 'off' || replicas > 0) return [];
    return [
      warning(
        'redis-persistence',
        `${name} does not save to disk and has no replica: after a restart the state is built again from the topics`,
        'set `appendonly yes`, or `save`, where that would take too long',
      ),
    ];
  });
  const isKnown = masters.some(({ persistence, replicas }) => persistence === 'on' || replicas > 0);
  if (masters.length === 0) return [];
  return orOk(
    'redis-persistence',
    found,
    isKnown ? 'the state outlives a restart' : 'its user may not ask (CONFIG GET)',
  );
}

function rightsFindings(refused: readonly string[]): readonly Finding[] {
  // What a worker can do without.
  const [optional, needed] = [refused.filter(isOptional), refused.filter((each) => !isOptional(each))];
  const remedy = 'grant them (docs/operations.md, "Access rights")';
  const found = [
    ...(needed.length === 0
      ? []
      : [problem('redis-rights', `the user may not use ${needed.join(', ')}`, remedy)]),
    ...(optional.length === 0
      ? []
      : [warning('redis-rights', `the user may not use ${optional.join(', ')}: less is checked`, remedy)]),
  ];
  return orOk('redis-rights', found, 'the user may use every command of the service');
}

const isOptional = (command: string): boolean => command === 'info' || command === 'time';

/** How far behind a time of day may be: an expiry is late by as much. */
const BEHIND_MAX_MS = 60_000;

export function clockFindings(aheadMs: number): readonly Finding[] {
  const failure = clockFailure(aheadMs);
  if (failure !== null) {
    // A worker starts all the same, and infers no expiry.
    return [warning('clock', failure.message, failure.remedy)];
  }
  if (aheadMs >= -BEHIND_MAX_MS) return [ok('clock', 'it agrees with that of Redis to a minute')];
  const text = `the clock of this machine is ${Math.round(-aheadMs / 1_000)} s behind that of Redis: messages expire late`;
  return [warning('clock', text, 'set the clock of this machine right, or that of Redis (NTP)')];
}

/** That Redis cannot be connected to. */
export const redisFailed = (error: unknown): readonly Finding[] => [failed('redis', error)];
