import type { Kafka } from 'kafkajs';
import { EfsError } from '../base/errors';
import type { BrokerFacts, LogServers } from '../log/brokers';
import { kafkaFailure } from './failure.kafka';
import { type BrokerInside, type ClusterInside, clusterOf } from './inside.kafka';

/** The versions of requests that the service writes itself; kafkajs finds a version of the others. */
const REQUIRED = [
  { name: 'Produce', api: 0, version: 7 },
  { name: 'Fetch', api: 1, version: 11 },
  { name: 'JoinGroup', api: 11, version: 5 },
] as const;

/** Asks each server of `addresses`, and each that these name. `connectTo` gives a client that starts from one address. */
export function kafkaServers(
  addresses: readonly string[],
  connectTo: (address: string) => Kafka,
): LogServers {
  return {
    async inspect() {
      const asked = await Promise.all(addresses.map((address) => askNamed(address, connectTo(address))));
      const members = asked.find((each) => each.members !== null)?.members ?? [];
      return { named: asked.map(({ facts }) => facts), members };
    },
  };
}

async function askNamed(
  address: string,
  kafka: Kafka,
): Promise<{ facts: BrokerFacts; members: readonly BrokerFacts[] | null }> {
  const cluster = clusterOf(kafka);
  try {
    await cluster.connect();
    // Only then the cluster knows its brokers by their numbers.
    await cluster.refreshMetadata();
    const broker = await cluster.brokerPool.findConnectedBroker();
    const { brokers } = await broker.metadata([]);
    const members = await Promise.all(
      brokers.map(({ nodeId, host, port }) =>
        askMember(cluster, nodeId, `broker ${nodeId} (${host}:${port})`),
      ),
    );
    return { facts: factsOf(address, broker), members };
  } catch (error) {
    return { facts: failed(address, error), members: null };
  } finally {
    await cluster.disconnect().catch(() => undefined);
  }
}

async function askMember(cluster: ClusterInside, nodeId: number, name: string): Promise<BrokerFacts> {
  try {
    return factsOf(name, await cluster.findBroker({ nodeId }));
  } catch (error) {
    return failed(name, error);
  }
}

function failed(name: string, error: unknown): BrokerFacts {
  const failure = kafkaFailure(error);
  if (!(failure instanceof EfsError)) throw failure;
  return { name, failure, lacks: [] };
}

const factsOf = (name: string, { versions }: Pick<BrokerInside, 'versions'>): BrokerFacts => ({
  name,
  failure: null,
  lacks: missingIn(versions),
});

/** The required versions that a broker does not offer. */
export function missingIn(versions: BrokerInside['versions']): string[] {
  return REQUIRED.filter(({ api, version }) => {
    const offered = versions?.[api];
    return offered === undefined || version < offered.minVersion || version > offered.maxVersion;
  }).map(({ name, version }) => `${name} version ${version}`);
}
