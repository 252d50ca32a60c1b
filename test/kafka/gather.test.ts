import { EfsError } from '../../src/base/errors';
import { gathered } from '../../src/kafka/gather';

/** A send that is answered when the test says so; `sent` has what each one got. */
function given() {
  const sent: number[][] = [];
  const answers: ((error?: Error) => void)[] = [];
  const call = gathered<number>((items) => {
    sent.push([...items]);
    return new Promise((resolve, reject) => {
      answers.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  });
  const outcomes: string[] = [];
  return {
    sent,
    outcomes,
    call: (...items: number[]): void =>
      void call(items).then(
        () => outcomes.push(`${items.join()} sent`),
        (error: Error) => outcomes.push(`${items.join()} ${error.message}`),
      ),
    async answer(error?: Error): Promise<void> {
      answers.shift()?.(error);
      await new Promise(setImmediate);
    },
  };
}

const REFUSED = new Error('refused');
const OUTAGE = new EfsError('kafka-unavailable', 'away');

describe('gathered calls', () => {
  it('are sent at once where nothing is in flight, and else together once that is answered, in their order', async () => {
    const { sent, outcomes, call, answer } = given();
    call(1, 2);
    call(3);
    call(4, 5);
    expect(sent).toEqual([[1, 2]]);
    await answer();
    expect([sent, outcomes]).toEqual([
      [
        [1, 2],
        [3, 4, 5],
      ],
      ['1,2 sent'],
    ]);
    await answer();
    expect(outcomes).toEqual(['1,2 sent', '3 sent', '4,5 sent']);
    call(6);
    expect(sent).toHaveLength(3);
  });

  it('are sent each by itself where they fail together: one that fails alone fails alone', async () => {
    const { sent, outcomes, call, answer } = given();
    call(1);
    call(2);
    call(3);
    await answer();
    await answer(REFUSED);
    expect(sent).toEqual([[1], [2, 3], [2], [3]]);
    await answer(REFUSED);
    await answer();
    expect(outcomes).toEqual(['1 sent', '2 refused', '3 sent']);
  });

  it('that come after a failure are sent once all of it is answered', async () => {
    const { sent, outcomes, call, answer } = given();
    call(1);
    call(2);
    call(3);
    await answer(OUTAGE);
    call(4);
    for (const error of [OUTAGE, OUTAGE, OUTAGE]) await answer(error);
    expect(outcomes).toEqual(['1 away', '2 away', '3 away']);
    await answer();
    expect([sent.at(-1), outcomes.at(-1)]).toEqual([[4], '4 sent']);
  });

  it('are cut where together they would be more than 4,000 items, one of more than that is not', async () => {
    const { sent, call, answer } = given();
    const items = (count: number) => Array.from({ length: count }, (_, item) => item);
    call(1);
    for (const count of [2_000, 2_000, 1, 5_000]) call(...items(count));
    for (let turn = 0; turn < 4; turn += 1) await answer();
    expect(sent.map(({ length }) => length)).toEqual([1, 4_000, 1, 5_000]);
  });
});
