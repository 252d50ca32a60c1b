import { must } from '../src/base/assert';
import { parseDomainGroups } from '../src/base/domain-groups';
import { SETTINGS } from '../src/settings/table';
import type { Decoder } from '../src/feedback/decode';
import type { Feedback } from '../src/feedback/feedback';
import type { RetryOutcome } from '../src/feedback/records';
import { SCHEMAS } from '../src/feedback/schemas';
import { FEEDBACK_TOPICS } from '../src/feedback/topics';
import type { Batch } from '../src/log/source';
import { domainGroups } from '../src/kpi/domains';
import { type Contribution, wireType } from '../src/kpi/encode';
import { type TaskOwnership, processBatch, type BatchDeps } from '../src/pipeline';
import { messageCache } from '../src/pipeline/message-cache';
import { planStatus, statusMemory } from '../src/pipeline/status';
import type { Generations, Manifest, Store, TaskAddress } from '../src/store/store';
import { PARTITIONS } from './world';

const START = FEEDBACK_TOPICS.map(() => 0);

/** A status task without a log. */
export interface BenchTask {
  fold(inputs: readonly Feedback[]): Promise<void>;
  /** Resolves with the number of records folded. */
  process(batch: Batch): Promise<number>;
}

/** A status task for each partition, on a store without a generation. */
export async function openTasks(
  store: Store & Generations,
  buckets: number,
  decode: Decoder<Feedback> = () => Promise.reject(new Error('nothing is decoded here')),
): Promise<BenchTask[]> {
  const groups = domainGroups(parseDomainGroups(SETTINGS.domainGroups.fallback).groups);
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const manifest: Manifest = {
    stateId: 1,
    generation: 1,
    predecessor: null,
    partitions: PARTITIONS,
    defaultPolicy: 'EFS',
    domainGroups: groups.fingerprint,
    buckets,
    contributionsFrom: [],
  };
  const begin = { status: partitions.map(() => START), kpi: partitions.map(() => [0]) };
  await store.create(manifest, begin);
  const contribution = wireType<Contribution>(SCHEMAS.Contribution, 1);
  const retryOutcome = wireType<RetryOutcome>(SCHEMAS.RetryOutcome, 2);
  return Promise.all(
    partitions.map(async (partition) => {
      const address: TaskAddress = { stateId: 1, pipeline: 'status', partition };
      const rules = {
        ...{ stateId: 1, generation: 1, partition, partitions: PARTITIONS, buckets },
        ...{ contribution, statusChanged: null, retryOutcome, defaultPolicy: 'EFS' as const, groups },
      };
      const memory = statusMemory(messageCache());
      const deps: BatchDeps<Feedback> = {
        decode,
        emitDeadLetters: async () => undefined,
        load: (reads) => store.load(address, reads),
        commit: (commit) => store.commit(address, commit),
        emit: async () => 'acknowledged',
        project: (inputs) => planStatus(rules, inputs, memory),
      };
      return benchTask(deps, must(await store.claim(address, 1), 'a task laid out'));
    }),
  );
}

function benchTask(deps: BatchDeps<Feedback>, claim: Omit<TaskOwnership, 'emitted'>): BenchTask {
  const { epoch, sequence, positions } = claim;
  let ownership: TaskOwnership = { epoch, sequence, positions, emitted: Promise.resolve('acknowledged') };
  return {
    fold: async (inputs) => {
      const [first = 0, ...rest] = ownership.positions;
      const next = [first + inputs.length, ...rest];
      const folding = { ...deps, decode: async () => ({ inputs, rejected: [] }) };
      ownership = (await processBatch(folding, ownership, { records: [], next })).ownership;
    },
    process: async (batch) => {
      const processed = await processBatch(deps, ownership, batch);
      ownership = processed.ownership;
      return processed.folded;
    },
  };
}
