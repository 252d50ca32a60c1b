import type { Finding } from '../../src/service/doctor/finding';
import { checkState, type StateDeps } from '../../src/service/doctor/state';
import type { Manifest } from '../../src/store/store';

const MANIFEST: Manifest = {
  stateId: 3,
  generation: 3,
  partitions: 1,
  defaultPolicy: 'EFS',
  domainGroups: 'groups',
  buckets: 1,
  predecessor: null,
  contributionsFrom: [],
  topicIds: { 'mta.relayed': 'id' },
};
/** What the doctor finds in a state with one fault. */
export const state = (fault: {
  readonly settings?: Partial<StateDeps['settings']>;
  readonly followsSettings?: boolean;
  readonly id?: string;
  readonly low?: number;
  readonly isLost?: boolean;
}): Promise<readonly Finding[]> =>
  checkState({
    store: {
      active: async () => MANIFEST,
      inspect: async () => (fault.isLost ? null : { epoch: 1, sequence: 1, positions: [5] }),
    },
    reader: {
      topicIds: async (topics) => topics.map(() => fault.id ?? 'id'),
      watermarks: async () => ({ low: fault.low ?? 0, high: 9 }),
    },
    prefix: '',
    settings: { partitions: 1, defaultPolicy: 'EFS', domainGroups: 'groups', buckets: 1, ...fault.settings },
    followsSettings: fault.followsSettings ?? false,
  });
