import { describeWithServers } from '../servers/servers';
import { kafkaWorld } from './kafka-world';
import { readerContract } from './reader.contract';
import { sourceContract } from './source.contract';

describeWithServers(['kafka'], 'a source on Kafka', (servers) => {
  sourceContract(() => kafkaWorld(servers.kafkaBrokers));
  readerContract(() => kafkaWorld(servers.kafkaBrokers));
});
