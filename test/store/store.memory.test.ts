import { memoryStore, type Check } from '../../src/store/store.memory';
import { describeDefences } from './defence.contract';
import type { Subject } from './given';
import { describeStore } from './store.contract';

function memorySubject(without: readonly Check[] = []): Subject {
  const stores = new Map<string, ReturnType<typeof memoryStore>>();
  const store = (namespace: string): ReturnType<typeof memoryStore> => {
    const found = stores.get(namespace) ?? memoryStore({ without });
    stores.set(namespace, found);
    return found;
  };
  return {
    store,
    async snapshot(namespace) {
      const taken = store(namespace).snapshot();
      return async () => store(namespace).restore(taken);
    },
    async wipe(namespace) {
      store(namespace).wipe();
    },
  };
}

describe('the store in memory', () => {
  const subject = memorySubject();
  describeStore(() => subject);
  describeDefences((without) => memorySubject(without));

  it('keeps a snapshot unchanged when it is restored twice', async () => {
    const taken = await subject.snapshot('kept');
    await subject.store('kept').create(
      {
        stateId: 1,
        partitions: 1,
        defaultPolicy: 'EFS',
        domainGroups: '',
        buckets: 1,
        generation: 1,
        predecessor: null,
        contributionsFrom: [],
      },
      { status: [[0]], kpi: [] },
    );
    await taken();
    expect(await subject.store('kept').active()).toBeNull();
    await taken();
    expect(await subject.store('kept').active()).toBeNull();
  });
});
