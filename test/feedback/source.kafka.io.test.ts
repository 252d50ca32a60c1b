import { describeWithServers } from '../servers/servers';
import { kafkaWorld } from './kafka-world';
import { sourceContract } from './source.contract';

describeWithServers(['kafka'], 'a source on Kafka', (servers) => {
  sourceContract(() => kafkaWorld(servers.kafkaBrokers));
});
