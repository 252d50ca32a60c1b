import fc from 'fast-check';
import { MessageId } from '../../src/base/ids';
import { VALIDITY_MAX_MS } from '../../src/base/time';
import type { MessageAggregate } from '../../src/status/message';
import { POLICIES } from '../../src/status/policy';

const time = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2100, 0, 1) - 1 });
const int32 = fc.oneof(fc.integer(), fc.constantFrom(-2_147_483_648, -1, 0, 2_147_483_647));
const reason = fc.constantFrom(0, 1, 2, 3, 4, 5, 9, 20);

/** Objects like those that are decoded: `expectEqual` is quick where prototypes agree, too. */
const USUAL = { noNullPrototype: true };

const outcome = fc
  .record(
    {
      rank: fc.constantFrom(0 as const, 1 as const, 2 as const),
      at: time,
      kind: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const, 5 as const),
      bounceClass: fc.option(int32),
      reason,
    },
    USUAL,
  )
  .map((each) => (each.bounceClass === null ? { ...each, reason: 0 } : each));

/** The flags of all policies. */
const ALL_POLICIES = Object.values(POLICIES).reduce((flags, { flag }) => flags | flag, 0);

/** Every aggregate that can be stored. */
export const aggregates: fc.Arbitrary<MessageAggregate> = fc.record(
  {
    relay: fc.record(
      {
        rank: fc.constantFrom(0 as const, 1 as const, 2 as const),
        at: time,
        domainGroup: fc.integer({ min: 0, max: 255 }),
      },
      USUAL,
    ),
    named: fc.integer({ min: 0, max: ALL_POLICIES }),
    validityMs: fc.oneof(fc.integer({ min: 0, max: VALIDITY_MAX_MS }), fc.constantFrom(0, VALIDITY_MAX_MS)),
    softBounce: fc.option(fc.record({ at: time, bounceClass: int32, reason }, USUAL)),
    outcome: fc.option(outcome),
    complainedAt: fc.option(time),
  },
  USUAL,
);

const uuid = fc.uuid();
const sixteen = fc.string({ unit: 'binary-ascii', minLength: 16, maxLength: 16 });
/** Message ids of every form that is stored differently. */
export const messageIds = fc
  .oneof(
    uuid,
    uuid.map((id) => id.toUpperCase()),
    sixteen,
    fc.string({ unit: 'grapheme', maxLength: 64 }),
  )
  .filter((id) => id.length >= 1 && id.length <= 128 && !/\p{Cc}/u.test(id))
  .map(MessageId);
