import type { Batch } from '../log/source';
import type { TransactionOutcome } from '../log/sink';
import type { BatchDeps, Processed } from '../pipeline';
import type { Claim, Commit, TaskAddress } from '../store/store';
import { inSpan, isInSpan, type SpanAttributes } from '../tracing/span';

interface TracedDeps extends Pick<BatchDeps<never>, 'load' | 'commit' | 'emit'> {
  drain(claim: Claim): Promise<TransactionOutcome>;
}

type TracedTask = Pick<TaskAddress, 'pipeline' | 'partition'>;

const labels = ({ pipeline, partition }: TracedTask): SpanAttributes => ({
  'efs.pipeline': pipeline,
  'efs.partition': partition,
});

const processedAttributes = ({ outcome, folded, rejected, outgoing }: Processed): SpanAttributes => ({
  ...{ 'efs.outcome': outcome, 'efs.folded': folded },
  ...{ 'efs.dead_letters': rejected.length, 'efs.outgoing': outgoing.length },
});

/** Traces a batch from its records to its commit. An idle task's empty batches are not traced. */
export function tracedBatch(
  task: TracedTask,
  { records, next }: Batch,
  run: () => Promise<Processed>,
): Promise<Processed> {
  if (records.length === 0) return run();
  const before = { ...labels(task), 'efs.records': records.length, 'efs.positions': next };
  return inSpan('efs.batch', before, run, processedAttributes);
}

/** Whether a commit only verifies that the state is still there. */
const isEmpty = ({ writes, expected, next, outbox }: Commit): boolean =>
  writes.length === 0 && outbox === null && next.every((position, topic) => position === expected[topic]);

/** Wraps a task's dependencies: what it loads, commits and publishes is traced. Their behaviour is unchanged. */
export function traced<D extends TracedDeps>(deps: D, task: TracedTask): D {
  const of = labels(task);
  const outcomeOf = (outcome: NonNullable<SpanAttributes['efs.outcome']>): SpanAttributes => ({
    'efs.outcome': outcome,
  });
  return {
    ...deps,
    // An idle task loads, too: only what a batch loads is traced.
    load: (reads) =>
      isInSpan()
        ? inSpan('efs.load', { ...of, 'efs.reads': reads.length }, () => deps.load(reads))
        : deps.load(reads),
    commit: (commit) => {
      if (isEmpty(commit)) return deps.commit(commit);
      const { writes, outbox } = commit;
      const before = { ...of, 'efs.writes': writes.length, 'efs.bytes': outbox?.length ?? 0 };
      return inSpan('efs.commit', before, () => deps.commit(commit), outcomeOf);
    },
    emit: (records, made) =>
      records.length === 0
        ? deps.emit(records, made)
        : inSpan(
            'efs.publish',
            { ...of, 'efs.records': records.length },
            () => deps.emit(records, made),
            outcomeOf,
          ),
    drain: (claim) =>
      claim.outbox === null
        ? deps.drain(claim)
        : inSpan('efs.publish', of, () => deps.drain(claim), outcomeOf),
  };
}
