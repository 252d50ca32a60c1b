import { describeWithServers } from '../servers/servers';
import { kafkaWorld } from './kafka-world';
import { readerContract } from '../log/reader.contract';
import { sourceContract } from '../log/source.contract';

describeWithServers(['kafka'], 'a source on Kafka', (servers) => {
  sourceContract(() => kafkaWorld(servers.kafkaBrokers));
  readerContract(() => kafkaWorld(servers.kafkaBrokers));
});

describeWithServers(['kafka'], 'a source on topics that Kafka compresses', (servers) => {
  sourceContract(() => kafkaWorld(servers.kafkaBrokers, 4, { 'compression.type': 'zstd' }));
  readerContract(() => kafkaWorld(servers.kafkaBrokers, 4, { 'compression.type': 'lz4' }));
});
