import { memoryRegistry } from '../../src/avro/registry.memory';
import { registryContract } from './registry.contract';

describe('the registry in memory', () => {
  registryContract(memoryRegistry, (test) => test);
});
