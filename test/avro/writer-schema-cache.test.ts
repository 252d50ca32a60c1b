import type { Clock } from '../../src/base/clock';
import type { EfsError } from '../../src/base/errors';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { SCHEMAS } from '../../src/feedback/schemas';
import { framed, recordOf, VALID, type World, world } from '../feedback/decode.builders';

let at: World;
let now: number;

beforeEach(async () => {
  now = 1_000;
  const clock: Clock = { now: () => 0, monotonic: () => now, sleep: () => Promise.resolve() };
  at = await world({ clock });
});

const withId = (id: number) => {
  const value = Buffer.alloc(5);
  value.writeInt32BE(id, 1);
  return recordOf('Delivered', value);
};

describe('the writer schema cache', () => {
  it('requests an id once for all waiting records and batches', async () => {
    const batch = Array.from({ length: 50 }, () => at.given('Delivered'));
    const decoded = await Promise.all([at.decode(batch), at.decode(batch), at.decode(batch)]);
    expect(decoded.map(({ inputs }) => inputs.length)).toEqual([50, 50, 50]);
    await at.decode(batch);
    expect(at.registry.lookups()).toBe(1);
  });

  it('requests an unknown id again after 30 s, and not before', async () => {
    const value = framed(FEEDBACK_TOPICS.length + 1, 'Delivered', VALID.Delivered);
    const record = recordOf('Delivered', value);
    await Promise.all([at.decode([record, record]), at.decode([record])]);
    now += 29_999;
    expect(await at.one(record)).toMatch(/^unknown-schema/);
    expect(at.registry.lookups()).toBe(1);
    await at.add('Delivered', SCHEMAS.Delivered.text.replace('"efs.feedback"', '"efs.feedback","x":1'));
    now += 1;
    expect(await at.one(record)).toMatchObject({ kind: 'Delivered' });
    expect(at.registry.lookups()).toBe(2);
  });

  it('rejects no record and caches nothing where the registry does not answer', async () => {
    at.registry.setDown(true);
    const attempt = at.decode([recordOf('Delivered', null), at.given('Delivered')]);
    await expect(attempt).rejects.toMatchObject({ code: 'registry-unavailable' } satisfies Partial<EfsError>);
    at.registry.setDown(false);
    expect(await at.one(at.given('Delivered'))).toMatchObject({ kind: 'Delivered' });
  });

  it('answers for a cached id while the registry is down', async () => {
    await at.one(at.given('Delivered'));
    at.registry.setDown(true);
    expect(await at.one(at.given('Delivered'))).toMatchObject({ kind: 'Delivered' });
  });

  it('keeps known ids during a flood of made-up ids, and evicts the oldest unknown ones', async () => {
    await at.one(at.given('Delivered'));
    const flood = Array.from({ length: 20_000 }, (_, index) => withId(100 + index));
    expect((await at.decode(flood)).rejected).toHaveLength(20_000);
    const lookups = at.registry.lookups();
    await at.one(at.given('Delivered'));
    expect(at.registry.lookups()).toBe(lookups);
    await at.one(withId(100));
    expect(at.registry.lookups()).toBe(lookups + 1);
  });
});
