import { EfsError } from '../../src/base/errors';
import { watchOutages } from '../../src/service/outages';
import { recordingLog } from '../base/recording-log';
import { virtualClock } from '../support/clock';

function given() {
  const clock = virtualClock();
  const log = recordingLog();
  const changes: string[] = [];
  const onChange = (dependency: string, reason: string | null): void =>
    void changes.push(`${dependency}: ${reason ?? 'over'}`);
  const outages = watchOutages({ clock, log, onChange });
  const lines = () => log.entries.map(({ level, message }) => `${level} ${message}`);
  return { clock, log, changes, outages, lines };
}

const redis = new EfsError('redis-unavailable', 'no');
const kafka = new EfsError('kafka-unavailable', 'no');

describe('an outage', () => {
  it('is one line when it begins and one when it ends, however many wait and fail', () => {
    const { clock, log, changes, outages, lines } = given();
    for (const party of ['a', 'b', 'a', 'c', 'a']) outages.failed(party, redis);
    clock.advance(1_500);
    for (const party of ['a', 'b', 'b']) outages.answered(party);
    expect(changes).toEqual(['redis: redis does not answer']);
    outages.answered('c');
    expect(changes).toEqual(['redis: redis does not answer', 'redis: over']);
    expect(lines()).toEqual([
      'warn redis does not answer: waiting until it does',
      'info redis answers again: going on where it stopped',
    ]);
    expect(log.entries[1]?.fields).toMatchObject({ durationMs: 1_500 });
  });

  it('of one dependency is none of another', () => {
    const { changes, outages } = given();
    outages.failed('a', redis);
    outages.failed('b', kafka);
    outages.answered('a');
    expect(changes).toEqual(['redis: redis does not answer', 'kafka: kafka does not answer', 'redis: over']);
  });

  it('is over for a party that now waits for something else', () => {
    const { changes, outages } = given();
    outages.failed('a', redis);
    outages.failed('a', kafka);
    expect(changes).toEqual(['redis: redis does not answer', 'redis: over', 'kafka: kafka does not answer']);
  });

  it('may begin again', () => {
    const { changes, outages } = given();
    outages.failed('a', redis);
    outages.answered('a');
    outages.failed('a', redis);
    expect(changes).toHaveLength(3);
  });

  it('is not begun by an answer, and must name who does not answer', () => {
    const { changes, outages } = given();
    outages.answered('a');
    expect(changes).toEqual([]);
    expect(() => outages.failed('a', new Error('?'))).toThrow();
  });
});
