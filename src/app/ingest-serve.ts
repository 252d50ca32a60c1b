import { systemClock } from '../base/clock';
import { EfsError, isRetriable } from '../base/errors';
import type { Log } from '../base/log';
import { isLoopback } from '../http/access';
import { type HttpServer, listening } from '../http/server.http';
import type { Auth } from '../ingest/auth';
import { DOOR_BOUNDS, type DoorSource, openDoor } from '../ingest/door';
import { doorRoutes } from '../ingest/door.http';
import { openSns } from '../ingest/sns.http';
import { addSourcesRoute } from '../ingest/sources.http';
import { type ConfiguredSource, exposureErrors } from '../ingest/sources-file';
import type { Config } from '../settings/table';
import { renewed } from './credentials';
import { type IngestFrame, ingestFrame } from './ingest-frame';
import { openSource } from './ingest-sources';

/** A door that listens. */
export interface ServedDoor {
  readonly frame: IngestFrame;
  readonly port: number;
  /** Takes no further request, answers those that it has, and ends. */
  close(): Promise<void>;
}

const CLOSE_WITHIN_MS = 5_000;
/** Leaves time to write within `answerWithinMs`. */
const INDEX_WITHIN_MS = 2_000;

/** How senders prove themselves, by what the files of secrets say at each use. */
function currentAuth({ given, renewAuth }: ConfiguredSource, first: Auth, log: Log): () => Auth {
  if (renewAuth === null) return () => first;
  const read = (): Auth => {
    const made = renewAuth();
    if ('ok' in made) return made.ok;
    throw new Error(`sources.${given.name}.auth${made.error}`);
  };
  return renewed(first, read, log);
}

function doorSources(sources: readonly ConfiguredSource[], log: Log): ReadonlyMap<string, DoorSource> {
  const served = sources.flatMap((each): [string, DoorSource][] => {
    if (each.auth === null) return [];
    const auth = currentAuth(each, each.auth, log);
    const source = openSource(each, systemClock.now());
    return [
      [
        each.given.name,
        {
          source,
          get auth() {
            return auth();
          },
        },
      ],
    ];
  });
  if (served.length > 0) return new Map(served);
  throw new EfsError('config-invalid', 'sources: all are read from Kafka; `efs ingest kafka` reads them');
}

/** Says in the log what only a proxy or the network keeps out. */
function warnOfOpen(sources: ReadonlyMap<string, DoorSource>, host: string, log: Log): void {
  if (isLoopback(host)) return;
  for (const [name, { auth }] of sources)
    if (auth.kind === 'proxy')
      log.warn('a source asks for no proof: only a proxy or the network keeps others out', {
        host,
        reason: `source ${name}`,
      });
}

/** Serves the sources of the settings; it does not wait for Kafka. Throws `config-invalid`. */
export async function serveDoor(
  config: Config,
  configured: readonly ConfiguredSource[],
  log: Log,
): Promise<ServedDoor> {
  const { ingestHost: host, ingestPort: port } = config;
  const exposed = exposureErrors(configured, isLoopback(host));
  if (exposed.length > 0) throw new EfsError('config-invalid', exposed.join('\n'));
  const sources = doorSources(configured, log);
  const frame = ingestFrame(config, {
    log,
    sources: [...sources.values()].map(({ source }) => source),
    held: () => door.held.bytes(),
    indexWithinMs: INDEX_WITHIN_MS,
  });
  const door = openDoor({
    write: frame.write,
    sns: openSns(),
    clock: systemClock,
    bounds: DOOR_BOUNDS,
    onTaken: frame.onTaken,
    onFailure: (error) => {
      frame.metrics.failed();
      // An outage is logged once, when it begins.
      if (!isRetriable(error)) log.warn('a request could not be taken: its sender repeats it', { error });
    },
  });
  const { health, metrics } = frame;
  const server = doorRoutes({
    ...{ door, sources, health, metrics, bounds: DOOR_BOUNDS },
    onAnswer: metrics.answered,
  });
  addSourcesRoute(server, frame.sourcesRoute);
  const http: HttpServer = await listening(server, { host, port, settings: 'EFS_INGEST' });
  warnOfOpen(sources, host, log);
  return {
    frame,
    port: http.port,
    async close() {
      await drained(() => door.held.bytes());
      await http.close();
    },
  };
}

/** Waits until every request that was accepted is answered, or for as long as a stop may take. */
async function drained(held: () => number): Promise<void> {
  const began = systemClock.monotonic();
  while (held() > 0 && systemClock.monotonic() - began < CLOSE_WITHIN_MS) await systemClock.sleep(20);
  // The answers are on their way.
  await systemClock.sleep(50);
}
