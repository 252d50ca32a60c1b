import fc from 'fast-check';
import type { Feedback } from '../../src/feedback/feedback';
import type { RetryOutcome } from '../../src/feedback/records';
import { SCHEMAS } from '../../src/feedback/schemas';
import { domainGroups } from '../../src/kpi/domains';
import { type Contribution, type KpiChanged, wireType } from '../../src/kpi/encode';
import type { OutgoingRecord } from '../../src/log/sink';
import { planKpi } from '../../src/pipeline/kpi';
import { messageCache } from '../../src/pipeline/message-cache';
import { planStatus, type StatusMemory, statusMemory } from '../../src/pipeline/status';
import { deadlineOf } from '../../src/status/deadline';
import { statusOf } from '../../src/status/projection';
import { decodeMessage, decodeMessageId } from '../../src/store/codec';
import { compare } from '../recount/compare';
import { partitionOf } from '../recount/read';
import { DEFAULT_GROUPS, recountFacts } from '../recount/recount';
import { batchesOf, RUNS, someFeedback, withDisorder } from '../support/arbitrary';
import { expectEqual } from '../support/equal';
import { factOf } from '../support/records';
import { type FakeStore, fakeStore } from '../support/fake-store';

const PARTITIONS = 3;
const groups = domainGroups(Object.entries(DEFAULT_GROUPS).map(([name, domains]) => ({ name, domains })));
const contribution = wireType<Contribution>(SCHEMAS.Contribution, 1);
const kpiChanged = wireType<KpiChanged>(SCHEMAS.KpiChanged, 2);
const retryOutcome = wireType<RetryOutcome>(SCHEMAS.RetryOutcome, 3);

const statusRules = (partition: number, defaultPolicy: 'EFS' | 'RELAY', buckets: number) => ({
  ...{ stateId: 1, generation: 1, partition, partitions: PARTITIONS, buckets, defaultPolicy },
  ...{ groups, contribution, statusChanged: null, retryOutcome },
});

/** So small that it forgets some messages, and its filter begins again. */
const TINY = { messages: 512, slots: 8, hashes: 32 };

interface StatusRun {
  readonly contributions: OutgoingRecord[];
  readonly stores: FakeStore[];
  readonly memories: StatusMemory[];
}

/** Runs all feedback through the status plans of three partitions, each in batches. */
function runStatus(
  all: readonly Feedback[],
  defaultPolicy: 'EFS' | 'RELAY',
  cuts: readonly boolean[],
  buckets: number,
): StatusRun {
  const stores = Array.from({ length: PARTITIONS }, fakeStore);
  const memories = stores.map(() => statusMemory(messageCache(TINY), 0));
  const contributions = stores.flatMap((each, partition) => {
    const mine = all.filter(({ messageId }) => partitionOf(Buffer.from(messageId), PARTITIONS) === partition);
    const rules = statusRules(partition, defaultPolicy, buckets);
    return batchesOf(mine, cuts).flatMap((batch) => each.run(planStatus(rules, batch, memories[partition]!)));
  });
  return { contributions, stores, memories };
}

const logged = ({ value }: OutgoingRecord, offset: number) => ({ ...contribution.decode(value!), offset });

/** Runs contributions through the kpi plans of three partitions, each in batches. Returns the changes and the sums. */
function runKpi(
  contributions: readonly OutgoingRecord[],
  defaultPolicy: 'EFS' | 'RELAY',
  cuts: readonly boolean[],
): { published: KpiChanged[]; sums: Map<string, Contribution> } {
  const published: KpiChanged[] = [];
  const sums = new Map<string, Contribution>();
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const store = fakeStore();
    const rules = { stateId: 1, generation: 1, partition, defaultPolicy, contribution, kpiChanged };
    const mine = contributions.filter((record) => record.partition === partition);
    for (const batch of batchesOf(mine, cuts)) {
      const inputs = batch.map(logged);
      for (const { value } of store.run(planKpi(rules, inputs, false)))
        published.push(kpiChanged.decode(value!));
    }
    for (const [id, value] of store.entries('s')) sums.set(id, contribution.decode(value));
  }
  return { published, sums };
}

function messagesIn(stores: readonly FakeStore[], defaultPolicy: 'EFS' | 'RELAY') {
  const found = new Map<string, ReturnType<typeof statusOf>>();
  for (const each of stores) {
    for (const hash of each.hashes().filter((name) => name.startsWith('m/'))) {
      for (const [field, value] of each.entries(hash)) {
        const id = decodeMessageId(Buffer.from(field, 'latin1'));
        found.set(`${hash.split('/')[1]}/${id}`, statusOf(decodeMessage(value), defaultPolicy));
      }
    }
  }
  return found;
}

const plain = (value: object): object => JSON.parse(JSON.stringify(value)) as object;

const sets = withDisorder(someFeedback(['d1', 'd2'], ['m1', 'm2', 'm3', 'm4', 'm5']), 24);
const policies = fc.constantFrom('EFS' as const, 'RELAY' as const);
const cuts = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });

describe('status and kpi plans together', () => {
  it('match the recount, for any order, repetition and batching of feedback', () => {
    fc.assert(
      fc.property(
        sets,
        policies,
        cuts,
        cuts,
        fc.constantFrom(1, 4),
        (set, byDefault, cutA, cutB, buckets) => {
          const { contributions, stores } = runStatus(set.disorder, byDefault, cutA, buckets);
          const { published, sums } = runKpi(contributions, byDefault, cutB);
          const settings = { defaultPolicy: byDefault, groups: DEFAULT_GROUPS };
          const expected = recountFacts(set.disorder.map(factOf), settings);
          const last = new Map(published.map((each) => [each.deliveryId, each]));
          const deliveries = new Map(
            [...last].map(([id, { policy, kpis }]) => {
              const { asOf, revision } = sums.get(id)!;
              return [id, { policy, kpis: plain(kpis), asOf, revision }];
            }),
          );
          const messages = messagesIn(stores, byDefault);
          expectEqual(compare({ deadLetters: new Map(), ...expected }, { deliveries, messages }), []);
        },
      ),
      RUNS,
    );
  });

  it('keep a timer index with the number of messages that have a deadline, and a lower bound of the deadlines', () => {
    fc.assert(
      fc.property(sets, policies, cuts, (set, byDefault, cut) => {
        const { stores, memories } = runStatus(set.disorder, byDefault, cut, 1);
        stores.forEach((each, partition) => {
          const deadlines = new Map<string, number[]>();
          for (const hash of each.hashes().filter((name) => name.startsWith('m/'))) {
            for (const value of each.entries(hash).values()) {
              const deadline = deadlineOf(decodeMessage(value), byDefault);
              const delivery = hash.split('/')[1]!;
              if (deadline !== null) deadlines.set(delivery, [...(deadlines.get(delivery) ?? []), deadline]);
            }
          }
          const { timerIndex } = memories[partition]!;
          expectEqual(new Set(timerIndex.keys()), new Set(deadlines.keys()));
          expectEqual(new Set(each.entries('w').keys()), new Set(deadlines.keys()));
          for (const [delivery, { count, soonest }] of timerIndex) {
            expectEqual(count, deadlines.get(delivery)!.length);
            expect(soonest).toBeLessThanOrEqual(Math.min(...deadlines.get(delivery)!));
          }
        });
      }),
      RUNS,
    );
  });

  it('publish the same final KPIs where contributions are repeated and out of order', () => {
    const order = fc.infiniteStream(fc.nat());
    fc.assert(
      fc.property(sets, policies, cuts, order, (set, byDefault, cut, numbers) => {
        const { contributions } = runStatus(set.disorder, byDefault, cut, 1);
        const key = new Map(
          [...contributions, ...contributions].map((each, i) => [{ ...each, i }, numbers.next().value]),
        );
        const shuffled = [...key].sort(([, a], [, b]) => a - b).map(([each]) => each);
        const orderly = runKpi(contributions, byDefault, [true]);
        const disorderly = runKpi(shuffled, byDefault, cut);
        expectEqual(disorderly.sums, orderly.sums);
        const lastOf = ({ published }: { published: KpiChanged[] }) =>
          new Map(published.map(({ deliveryId, policy, kpis }) => [deliveryId, { policy, kpis }]));
        expectEqual(lastOf(disorderly), lastOf(orderly));
      }),
      RUNS,
    );
  });

  it('publish a chain: each record differs from the previous one, and carries its revision and KPIs', () => {
    fc.assert(
      fc.property(sets, policies, cuts, (set, byDefault, cut) => {
        const { contributions } = runStatus(set.disorder, byDefault, cut, 1);
        const before = new Map<string, KpiChanged>();
        for (const each of runKpi(contributions, byDefault, cut).published) {
          const last = before.get(each.deliveryId);
          expectEqual(each.previousRevision, last?.revision ?? 0);
          expect(each.revision).toBeGreaterThan(each.previousRevision);
          expectEqual(each.previous, last?.kpis ?? null);
          if (last !== undefined) {
            expect([each.policy, plain(each.kpis)]).not.toEqual([last.policy, plain(last.kpis)]);
          }
          before.set(each.deliveryId, each);
        }
      }),
      RUNS,
    );
  });

  it('publish nothing while suppressed, and every delivery once on resume', () => {
    const rules = {
      stateId: 1,
      generation: 1,
      partition: 0,
      defaultPolicy: 'EFS' as const,
      contribution,
      kpiChanged,
    };
    fc.assert(
      fc.property(sets, cuts, (set, cut) => {
        const store = fakeStore();
        const { contributions } = runStatus(set.disorder, 'EFS', cut, 1);
        const inputs = contributions.map(logged);
        for (const batch of batchesOf(inputs, cut)) expectEqual(store.run(planKpi(rules, batch, true)), []);
        const ids = [...store.entries('s').keys()];
        const recheck = () => store.run(planKpi(rules, [], false, undefined, ids));
        expectEqual(
          recheck()
            .map(({ key }) => key!.toString())
            .sort(),
          ids.sort(),
        );
        expectEqual(recheck(), []);
      }),
    );
  });
});
