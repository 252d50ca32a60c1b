import fc from 'fast-check';
import {
  checkpointIn,
  checkpointOf,
  hasPredecessor,
  isLive,
  isPast,
  type PublishCheckpoint,
  type Standing,
  standingOf,
} from '../../src/pipeline/publishing';
import { manifestOf } from '../store/given';

const AT = { topic: 'mta.relayed', partition: 3 };
const claim = { positions: [7, 4], committedBy: 4 };
const standing = (state: typeof claim, checkpoint: PublishCheckpoint | null): Standing =>
  standingOf({ stateId: 2 }, state, checkpoint);
const checkpoint = (epoch: number, positions: number[], stateId = 2): PublishCheckpoint => ({
  ...{ stateId, epoch, positions },
});

describe('a publish checkpoint', () => {
  const offset = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

  it('is read back from Kafka as it was committed: state, epoch and every position', () => {
    fc.assert(
      fc.property(
        offset,
        offset,
        fc.array(offset, { minLength: 1, maxLength: 7 }),
        (stateId, epoch, positions) => {
          const { topic, partition, ...committed } = checkpointOf({ stateId }, { epoch, positions }, AT);
          expect({ topic, partition }).toEqual(AT);
          expect(checkpointIn(committed)).toEqual({ stateId, epoch, positions });
        },
      ),
    );
  });

  it('has the first position as its offset, in the form that a kpi task has always had', () => {
    expect(checkpointOf({ stateId: 3 }, { epoch: 42, positions: [7] }, AT)).toEqual({
      ...{ ...AT, offset: 7, metadata: '3/42' },
    });
    expect(checkpointOf({ stateId: 3 }, { epoch: 42, positions: [7, 0, 9] }, AT)).toEqual({
      ...{ ...AT, offset: 7, metadata: '3/42/0,9' },
    });
  });

  it('is null without a committed offset', () => {
    expect(checkpointIn(null)).toBeNull();
  });
});

describe('a claimed state', () => {
  it.each<[Standing, string, PublishCheckpoint | null]>([
    ['level', 'nothing was published', null],
    ['level', 'it made the commit that was published last', checkpoint(4, [7, 4])],
    ['level', 'it contains a later commit than the one published last', checkpoint(4, [6, 4])],
    ['level', 'an earlier owner of its own has published last', checkpoint(3, [7, 4])],
    ['behind', 'its owner had gone on and published', checkpoint(4, [8, 4])],
    ['behind', 'its owner had gone on in a later topic only', checkpoint(4, [7, 5])],
    ['behind', 'a later owner had gone on and published', checkpoint(5, [8, 5])],
    ['behind', 'a later owner has published at its positions', checkpoint(5, [7, 4])],
    ['apart', 'another owner has published at positions before its own', checkpoint(5, [6, 4])],
    ['apart', 'it is ahead in one topic, and behind in another', checkpoint(4, [6, 5])],
    ['apart', 'another state has published, where it has been itself', checkpoint(4, [7, 4], 1)],
    ['apart', 'another state has published, further on', checkpoint(9, [9, 9], 3)],
  ])('is %s where %s', (expected, _, last) => {
    expect(standing(claim, last)).toBe(expected);
  });

  it('is behind where it was never committed to, and level where nothing was published either', () => {
    expect(standing({ positions: [0, 0], committedBy: 0 }, checkpoint(1, [0, 0]))).toBe('behind');
    expect(standing({ positions: [0, 0], committedBy: 0 }, null)).toBe('level');
  });

  it('is apart where the checkpoint names no state, as those of version 0.1', () => {
    expect(standing(claim, checkpointIn({ offset: 7, metadata: '' }))).toBe('apart');
  });
});

describe('a task', () => {
  const numbered = (generation: number) => ({ ...manifestOf(2), generation });

  it.each<[boolean, number, number | null]>([
    [true, 1, null],
    [true, 1, 1],
    [false, 1, 0],
    [false, 2, null],
    [false, 2, 0],
    [false, 3, 2],
    [true, 3, 3],
    [false, 0, null],
    [false, 0, 0],
    [false, 0, 2],
  ])('may publish: %s, with the generation number %i and the flag %j', (live, generation, liveAs) => {
    expect(isLive(numbered(generation), liveAs)).toBe(live);
  });
});

it('only the first generation has no predecessor', () => {
  expect([0, 1, 2].map((generation) => hasPredecessor({ generation }))).toEqual([true, false, true]);
});

it('positions are past offsets where each has reached its own; one that is missing is 0', () => {
  expect(isPast([2, 3], [2, 3])).toBe(true);
  expect(isPast([2, 3], [9, 2])).toBe(false);
  expect([isPast([2, 0], [2]), isPast([2, 1], [2])]).toEqual([true, false]);
  expect(isPast([], [])).toBe(true);
});
