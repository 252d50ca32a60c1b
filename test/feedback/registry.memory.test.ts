import { memoryRegistry } from '../../src/feedback/registry.memory';
import { registryContract } from './registry.contract';

describe('the registry in memory', () => {
  registryContract(memoryRegistry, (test) => test);
});
