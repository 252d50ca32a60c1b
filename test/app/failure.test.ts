import { CommanderError } from 'commander';
import { EfsError, ERRORS, type ErrorCode } from '../../src/base/errors';
import { failureOf } from '../../src/app/failure';

describe('a failed command', () => {
  test('prints what happened and the remedy, without a stack', () => {
    expect(failureOf(new EfsError('topic-missing', 'topic x does not exist'), false)).toEqual({
      text: 'error: topic x does not exist\nremedy: run `efs setup`\n',
      exitCode: 2,
    });
  });

  test.each(Object.keys(ERRORS) as ErrorCode[])(
    'exits with 2 where %s is for the user to correct first, else with 1',
    (code) => {
      const outages = [
        'kafka-unavailable',
        'redis-unavailable',
        'registry-unavailable',
        'token-unavailable',
        'position-lost',
        'state-damaged',
        'transaction-open',
        'batch-unreadable',
        'rebuild-taken-over',
        'interrupted',
        'not-found',
      ];
      const answersOverHttp = [
        'request-invalid',
        'not-authorized',
        'not-allowed',
        'not-ready',
        'too-many-readers',
        'too-busy',
      ];
      const failed = [...outages, ...answersOverHttp].includes(code);
      expect(failureOf(new EfsError(code, 'x'), false).exitCode).toBe(failed ? 1 : 2);
    },
  );

  test('prints each problem on its own line, without control characters', () => {
    const { text } = failureOf(new EfsError('config-invalid', 'A: bad\u001b[2J\nB: worse\u009b'), false);
    expect(text).toMatch(/^error: A: bad \[2J\n {7}B: worse \nremedy: /);
    expect(text).not.toMatch(/[\u001b\u009b]/);
  });

  test('prints the stack only when debugging, and calls an error without a row in the table a bug', () => {
    const bug = new TypeError('x is undefined');
    expect(failureOf(bug, false)).toEqual({
      text: expect.stringMatching(/^error: TypeError: x is undefined\nremedy: this is a bug/),
      exitCode: 1,
    });
    expect(failureOf(bug, true).text).toMatch(/\n {4}at .*failure\.test/);
    expect(failureOf(new EfsError('not-found', 'x'), true).text).toMatch(/\n {4}at .*failure\.test/);
    expect(failureOf('thrown text', false).text).toMatch(/^error: thrown text\n/);
  });

  test('exits with 2 for a wrong command line, and with 0 for help', () => {
    expect(failureOf(new CommanderError(1, 'commander.unknownOption', 'x'), false)).toEqual({
      text: '',
      exitCode: 2,
    });
    expect(failureOf(new CommanderError(0, 'commander.helpDisplayed', 'x'), false)).toEqual({
      text: '',
      exitCode: 0,
    });
  });
});
