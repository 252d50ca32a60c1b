import { EfsError } from '../../src/base/errors';
import { memoryTopicAdmin } from '../support/topic-admin';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { neededRetention, shortInputs, watchInputRetention } from '../../src/service/input-retention';
import { recordingLog } from '../base/recording-log';
import { turn, virtualClock } from '../support/clock';

const DAY_MS = 86_400_000;
const NEEDED = neededRetention(30 * DAY_MS);
const WANTED = { prefix: 't.', neededMs: NEEDED, brokers: ['a:1', 'b:2'] };

const facts = (retentionMs: number, retentionBytes = -1, cleanupPolicy = 'delete') =>
  new Map([['t.mta.relayed', { partitions: 1, cleanupPolicy, retentionMs, retentionBytes }]]);

describe('the retention of inputs', () => {
  it('must cover that of a delivery, and the retries and asynchronous bounces before', () => {
    expect(NEEDED).toBe((30 + 3.5 + 7) * DAY_MS);
  });

  it.each([
    ['by age, for as long as needed', facts(NEEDED)],
    ['without a limit', facts(-1)],
    ['by key, not by age', facts(1, 1, 'compact')],
  ])('is sufficient where they are kept %s', (_, found) => {
    expect(shortInputs(found, WANTED)).toEqual([]);
  });

  const command =
    'kafka-configs.sh --bootstrap-server a:1,b:2 --alter --entity-type topics --entity-name t.mta.relayed --add-config';
  it.each([
    [facts(7 * DAY_MS), '7 days', `retention.ms=${NEEDED}`],
    [facts(NEEDED - 1), '40.4 days', `retention.ms=${NEEDED}`],
    [facts(-1, 9), '9 bytes of each partition', 'retention.bytes=-1'],
    [
      facts(0, 9, 'compact,delete'),
      '0 minutes and 9 bytes of each partition',
      `retention.ms=${NEEDED},retention.bytes=-1`,
    ],
  ])('that is too short is reported with the command that corrects it (%#)', (found, kept, config) => {
    const topic = 't.mta.relayed';
    const problem = `${topic} keeps only ${kept}; a rebuild needs 40.5 days`;
    const remedy = `${command} ${config}`;
    expect(shortInputs(found, WANTED)).toEqual([
      { topic, problem, remedy, warning: `${problem}: ${remedy}` },
    ]);
  });
});

describe('a worker that watches its inputs', () => {
  /** All inputs are kept for a week. */
  const given = () => {
    const admin = memoryTopicAdmin();
    const clock = virtualClock();
    const log = recordingLog();
    const warnings = new Map<string, string | null>();
    const stop = new AbortController();
    const set = (retentionMs: number): Promise<void> => {
      (admin.topics as Map<string, unknown>).clear();
      return admin.create(
        FEEDBACK_TOPICS.map(({ topic }) => ({
          ...{ name: `t.${topic}`, partitions: 1, replicationFactor: 1 },
          config: { 'retention.ms': String(retentionMs) },
        })),
      );
    };
    const onInput = (topic: string, warning: string | null): void => void warnings.set(topic, warning);
    const watch = (describe = admin.describe) =>
      watchInputRetention({ ...WANTED, admin: { describe }, clock, log, onInput }, stop.signal);
    return { admin, clock, log, warnings, stop, set, watch };
  };

  it('logs each short retention once, and clears the warning within minutes once it is corrected', async () => {
    const { clock, log, warnings, stop, set, watch } = given();
    await set(7 * DAY_MS);
    const ended = watch();
    await turn();
    expect([...warnings.values()].every((warning) => warning?.includes('retention.ms'))).toBe(true);
    expect(log.entries).toHaveLength(FEEDBACK_TOPICS.length);
    clock.advance(300_000);
    await turn();
    expect(log.entries).toHaveLength(FEEDBACK_TOPICS.length);
    await set(NEEDED);
    clock.advance(300_000);
    await turn();
    expect([...warnings.values()].every((warning) => warning === null)).toBe(true);
    stop.abort();
    await ended;
  });

  it('checks again after an outage, and ends where its access is refused', async () => {
    const { clock, stop, watch } = given();
    let asked = 0;
    const failing = (code: 'kafka-unavailable' | 'access-refused') => async () => {
      asked += 1;
      throw new EfsError(code, 'no');
    };
    await watch(failing('access-refused'));
    expect(asked).toBe(1);
    const ended = watch(failing('kafka-unavailable'));
    await turn();
    clock.advance(300_000);
    await turn();
    expect(asked).toBe(3);
    stop.abort();
    await ended;
  });
});
