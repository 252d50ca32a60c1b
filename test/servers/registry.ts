import { basename } from 'node:path';

import { freePort, serverDir, startServer, type Server } from './child';
import { classArchive, registryJar } from './provision';

/** A Confluent-compatible schema registry in memory: a restart loses every schema. */
export interface RegistryServer extends Server {
  /** The base of the Confluent API, without a slash at its end. */
  url: string;
}

/** Starts Apicurio Registry; resolves when its Confluent API answers. Ids start at 1. */
export async function startRegistry(): Promise<RegistryServer> {
  const jar = await registryJar();
  const archive = await classArchive(basename(jar, '.jar'), async (classes) => {
    // Each class that has no place in the archive is a line of warning.
    const server = await startJava(jar, [classes, '-Xlog:cds=off']);
    await server.kill('SIGTERM');
    await server.stop();
  });
  return startJava(jar, [`-XX:SharedArchiveFile=${archive}`]);
}

async function startJava(jar: string, jvm: readonly string[]): Promise<RegistryServer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  const server = await startServer({
    name: 'registry',
    command: 'java',
    args: ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...jvm, '-jar', jar],
    env: {
      QUARKUS_HTTP_PORT: String(port),
      QUARKUS_HTTP_HOST: '127.0.0.1',
      QUARKUS_MANAGEMENT_PORT: String(await freePort()),
    },
    dir: serverDir('registry'),
    startTimeoutMs: 180_000,
    ready: () =>
      fetch(`${url}/subjects`).then(
        (response) => response.ok,
        () => false,
      ),
  });
  return { ...server, url };
}
