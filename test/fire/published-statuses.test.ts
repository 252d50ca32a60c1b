import { partitionOf } from '../recount/read';
import { DEFAULT_GROUPS, recount } from '../recount/recount';
import { feedback, T0 } from '../support/feedback';
import { produced, SCHEMAS, withOffsets } from '../support/records';
import { judgeStatuses } from './published-statuses';

const PARTITIONS = 4;
const ID = 'd1/a';
const SENT = { status: 'SENT', reason: null, failureType: null } as const;
const BOUNCED = { status: 'SENT', reason: 'MAILBOX_FULL', failureType: 'SOFT' } as const;

describe('the last published statuses', () => {
  const campaign = [
    feedback.relayed({ messageId: 'a', policy: 'RELAY' }),
    feedback.softBounced({ messageId: 'a', bounceClass: 22, occurredAt: T0 + 1 }),
    feedback.delivered({ messageId: 'a', occurredAt: T0 + 2 }),
  ];
  const counted = recount(withOffsets(campaign.map((each) => produced(each, PARTITIONS))), SCHEMAS, {
    defaultPolicy: 'EFS',
    groups: DEFAULT_GROUPS,
    partitions: PARTITIONS,
    partitioner: 'murmur2',
  });
  const home = partitionOf(Buffer.from('a'), PARTITIONS);
  const right = {
    counted,
    published: new Map([[ID, { ...SENT, at: 1_000 }]]),
    kept: new Map([[ID, SENT]]),
    rollbacks: [],
    partitions: PARTITIONS,
  };
  const older = { ...right, published: new Map([[ID, { ...BOUNCED, at: 1_000 }]]) };
  const missing = { ...right, published: new Map() };
  const rolledBack = [{ partition: home, at: 1_500 }];

  it('that agree with the recount are no difference, with or without rollbacks', () => {
    expect(judgeStatuses({ ...right, rollbacks: rolledBack })).toEqual({ problems: [], rolledBack: [] });
  });

  it('that are older than the recount, missing, or of no message are differences', () => {
    const reason = `published status ${ID} reason: recounted null, found MAILBOX_FULL`;
    expect(judgeStatuses(older).problems).toContain(reason);
    const absent = [`published status ${ID}: recounted, but not found`];
    expect(judgeStatuses(missing)).toEqual({ problems: absent, rolledBack: [] });
    const unseen = new Map([...right.published, ['d1/b', { ...SENT, at: 1_000 }]]);
    const problems = ['published status d1/b: found, but not recounted'];
    expect(judgeStatuses({ ...right, published: unseen }).problems).toEqual(problems);
  });

  it('that are outdated after a rollback of their partition are listed separately', () => {
    for (const wrong of [older, missing]) {
      const { problems, rolledBack: explained } = judgeStatuses({ ...wrong, rollbacks: rolledBack });
      expect([problems.length, explained.length > 0]).toEqual([0, true]);
    }
  });

  it.each([
    ['came before the record', { rollbacks: [{ partition: home, at: 999 }] }],
    ['was of another partition', { rollbacks: [{ partition: (home + 1) % PARTITIONS, at: 1_500 }] }],
    ['left the state wrong as well', { rollbacks: rolledBack, kept: new Map([[ID, BOUNCED]]) }],
    ['left no state of the message', { rollbacks: rolledBack, kept: new Map() }],
  ])('are differences where the rollback %s', (_, changed) => {
    const { problems, rolledBack: explained } = judgeStatuses({ ...older, ...changed });
    expect([problems.length > 0, explained]).toEqual([true, []]);
  });
});
