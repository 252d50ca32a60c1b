import { progress } from '../../src/cli/progress';
import { fakeClock } from '../support/clock';

describe('progress', () => {
  const run = (isTTY: boolean): string => {
    const clock = fakeClock();
    let text = '';
    const stream = { isTTY, write: (more: string) => void (text += more) };
    const bar = progress(stream, { total: 1000, what: 'records', clock });
    for (const done of [100, 500, 2000]) {
      void clock.sleep(6000);
      bar.at(done);
      bar.at(done);
    }
    bar.end();
    return text;
  };

  test('is plain lines without a terminal, one per step', () => {
    expect(run(false)).toBe(
      '10 %  100 records  17/s  54 s left\n50 %  500 records  42/s  12 s left\n100 %  2,000 records  111/s\n',
    );
  });

  test('is a bar on a terminal, at most full', () => {
    expect(run(true)).toMatch(/\r\[#{3} {27}\] 10 %.*\r\[#{15} {15}\] 50 %.*\r\[#{30}\] 100 %/s);
  });
});
