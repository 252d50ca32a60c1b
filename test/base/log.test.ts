import { PassThrough } from 'node:stream';
import { EfsError } from '../../src/base/errors';
import { LOG_FIELDS, type LogFields, openLog, printable, NO_LOG } from '../../src/base/log';
import { recordingLog } from './recording-log';

function capture(format: 'auto' | 'json' | 'pretty', terminal = false) {
  const stream = Object.assign(new PassThrough(), { isTTY: terminal });
  const text = (): string => (stream.read() as Buffer | null)?.toString() ?? '';
  return { log: openLog({ level: 'info', format }, stream), text };
}

const parse = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a log line', () => {
  test('is one JSON object with time, level, message and fields', () => {
    const { log, text } = capture('auto');
    log.info('task claimed', { partition: 3, generation: 7 });
    const [line, ...rest] = parse(text());
    expect(rest).toEqual([]);
    expect(line).toEqual({
      level: 'info',
      time: expect.any(String),
      msg: 'task claimed',
      partition: 3,
      generation: 7,
    });
    expect(Date.parse(String(line?.['time']))).not.toBeNaN();
  });

  test('drops every field that the list does not allow', () => {
    const { log, text } = capture('json');
    const smuggled = { partition: 1, messageId: 'm-1', recipient: 'ann@example.org' } as LogFields;
    log.child(smuggled).warn('dead-lettered', smuggled);
    expect(text()).not.toMatch(/m-1|ann@example/);
    for (const name of [
      'messageId',
      'recipientDomain',
      'recipient',
      'key',
      'value',
      'detail',
      'diagnostic',
      'headers',
    ]) {
      expect(LOG_FIELDS).not.toContain(name);
    }
  });

  test('carries the fields of its log and of its parents', () => {
    const { log, text } = capture('json');
    log.child({ pipeline: 'status' }).child({ partition: 2 }).error('stopped', { reason: 'fenced' });
    expect(parse(text())[0]).toMatchObject({
      level: 'error',
      pipeline: 'status',
      partition: 2,
      reason: 'fenced',
    });
  });

  test('shows an error by code and message, and its stack only where it has no code', () => {
    const { log, text } = capture('json');
    log.warn('waiting', {
      error: new EfsError('redis-unavailable', 'no answer', { cause: new Error('deep') }),
    });
    log.error('bug', { error: new TypeError('x is undefined') });
    const [outage, bug] = parse(text());
    expect(outage?.['error']).toMatchObject({
      code: 'redis-unavailable',
      message: 'no answer',
      cause: { message: 'deep' },
    });
    expect(outage?.['error']).not.toHaveProperty('stack');
    expect(bug?.['error']).toMatchObject({ name: 'TypeError', stack: expect.stringContaining('log.test') });
  });

  test('is written at or above the configured level', () => {
    const { log, text } = capture('json');
    log.debug('hidden');
    log.info('seen');
    expect(parse(text()).map((line) => line['msg'])).toEqual(['seen']);
  });

  test('is readable text on a terminal, and uncoloured elsewhere', () => {
    const terminal = capture('auto', true);
    terminal.log.info('hello', { partition: 1 });
    expect(terminal.text()).toMatch(/\u001b\[\d+m.*hello/);
    const file = capture('pretty', false);
    file.log.info('hello', { partition: 1 });
    expect(file.text()).toMatch(/INFO.*hello[^\u001b]*partition: 1/s);
  });

  test('has no characters that control the terminal', () => {
    const { log, text } = capture('pretty');
    log.info('line', { reason: 'a\u001b[2Jb\r\nc\u009b1m' });
    expect(text()).not.toMatch(/[\u001b\u009b\r]/);
    expect(printable('a\u202eb\tc')).toBe('a b c');
  });
});

test('NO_LOG discards every line, and is its own child', () => {
  expect(NO_LOG.child({ partition: 1 })).toBe(NO_LOG);
  expect(NO_LOG.error('x')).toBeUndefined();
});

test('the recording log keeps lines of children with inherited fields', () => {
  const log = recordingLog();
  log.child({ partition: 1 }).info('a', { records: 2 });
  expect(log.entries).toEqual([{ level: 'info', message: 'a', fields: { partition: 1, records: 2 } }]);
});
