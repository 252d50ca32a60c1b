import { EfsError } from '../../src/base/errors';
import { watchOutages } from '../../src/tasks/outages';
import { recordingLog } from '../base/recording-log';
import { turn, virtualClock } from '../support/clock';

function given() {
  const clock = virtualClock();
  const log = recordingLog();
  const changes: string[] = [];
  const onChange = (dependency: string, reason: string | null): void =>
    void changes.push(`${dependency}: ${reason ?? 'over'}`);
  const begun: string[] = [];
  const outages = watchOutages({
    clock,
    log,
    onBegin: (dependency) => void begun.push(dependency),
    onChange,
  });
  const lines = () => log.entries.map(({ level, message }) => `${level} ${message}`);
  const quiet = async (ms = 1_000): Promise<void> => {
    clock.advance(ms);
    await turn();
  };
  return { clock, log, begun, changes, outages, lines, quiet };
}

const redis = new EfsError('redis-unavailable', 'no');
const kafka = new EfsError('kafka-unavailable', 'no');

describe('an outage', () => {
  it('is logged once when it begins and once when it ends, however many parties wait and fail', async () => {
    const { clock, log, changes, outages, lines, quiet } = given();
    for (const party of ['a', 'b', 'a', 'c', 'a']) outages.failed(party, redis);
    clock.advance(1_500);
    for (const party of ['a', 'b', 'b']) outages.answered(party);
    await quiet();
    expect(changes).toEqual(['redis: redis does not answer']);
    outages.answered('c');
    await quiet();
    expect(changes).toEqual(['redis: redis does not answer', 'redis: over']);
    expect(lines()).toEqual([
      'warn redis does not answer: waiting until it does',
      'info redis answers again: resuming',
    ]);
    expect(log.entries[1]?.fields).toMatchObject({ durationMs: 2_500 });
  });

  it('continues where a party fails within a second of its end', async () => {
    const { changes, outages, quiet } = given();
    outages.failed('a', redis);
    outages.answered('a');
    await quiet(999);
    outages.failed('b', redis);
    await quiet(5_000);
    outages.answered('b');
    await quiet(999);
    expect(changes).toEqual(['redis: redis does not answer']);
    await quiet(1);
    expect(changes).toEqual(['redis: redis does not answer', 'redis: over']);
  });

  it('of one dependency is separate from an outage of another', async () => {
    const { changes, outages, quiet } = given();
    outages.failed('a', redis);
    outages.failed('b', kafka);
    outages.answered('a');
    await quiet();
    expect(changes).toEqual(['redis: redis does not answer', 'kafka: kafka does not answer', 'redis: over']);
  });

  it('ends when its only party waits for another dependency', async () => {
    const { changes, outages, quiet } = given();
    outages.failed('a', redis);
    outages.failed('a', kafka);
    await quiet();
    expect(changes).toEqual(['redis: redis does not answer', 'kafka: kafka does not answer', 'redis: over']);
  });

  it('names each server that does not answer, once, and is still one outage', async () => {
    const { begun, changes, outages, lines, quiet } = given();
    const lost = (server: string) => new EfsError('kafka-unavailable', `${server}: lost`, { server });
    for (const server of ['broker 2 (b:9092)', 'broker 2 (b:9092)', 'broker 3 (c:9092)']) {
      outages.failed('a', lost(server));
    }
    outages.failed('b', kafka);
    expect(changes).toEqual([
      'kafka: kafka does not answer: broker 2 (b:9092)',
      'kafka: kafka does not answer: broker 2 (b:9092), broker 3 (c:9092)',
    ]);
    expect(lines()).toHaveLength(2);
    expect(begun).toEqual(['kafka']);
    for (const party of ['a', 'b']) outages.answered(party);
    await quiet();
    expect(changes.at(-1)).toBe('kafka: over');
  });

  it('of the same dependency can begin again after its end', async () => {
    const { changes, outages, quiet } = given();
    outages.failed('a', redis);
    outages.answered('a');
    await quiet();
    outages.failed('a', redis);
    expect(changes).toHaveLength(3);
  });

  it('is not begun by an answer, and needs an error that names the dependency', () => {
    const { changes, outages } = given();
    outages.answered('a');
    expect(changes).toEqual([]);
    expect(() => outages.failed('a', new Error('?'))).toThrow();
  });
});
