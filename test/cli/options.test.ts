import { Command } from 'commander';
import { settings } from '../../src/settings/config';
import { variableOf } from '../../src/settings/table';
import {
  addSettings,
  ALL_SETTINGS,
  configOf,
  flagsOf,
  moment,
  share,
  wholeNumber,
} from '../../src/cli/options';
import { policyMix } from '../../src/cli/simulate';

const parsed = (...args: string[]): Command =>
  addSettings(new Command('x').exitOverride(), ALL_SETTINGS).parse(args, { from: 'user' });

describe('settings as flags', () => {
  test('every setting but passwords has a flag with its description, and flags reach the configuration', () => {
    const help = addSettings(new Command('x'), ALL_SETTINGS).helpInformation().replace(/\s+/g, ' ');
    for (const [name, { doc, isFlag }] of settings) {
      expect([name, help.includes(variableOf(name))]).toEqual([name, isFlag]);
      expect([doc, help.includes(doc)]).toEqual([doc, isFlag]);
    }
    const config = configOf(parsed('--http-port', '9', '--kafka-brokers', 'a:1,b:2', '--topic-prefix', 't.'));
    expect(config).toMatchObject({ httpPort: 9, kafkaBrokers: ['a:1', 'b:2'], topicPrefix: 't.' });
  });

  test('flags that are not given are undefined', () => {
    expect(Object.values(flagsOf(parsed())).filter((value) => value !== undefined)).toEqual([]);
  });

  test('all invalid flags are reported at once', () => {
    const act = (): unknown => configOf(parsed('--http-port', 'x', '--policy', 'y'));
    expect(act).toThrow(
      expect.objectContaining({
        code: 'config-invalid',
        message: expect.stringMatching(/--policy.*\n.*--http-port/),
      }),
    );
  });
});

describe('options of simulate', () => {
  test.each(['', '-1', '1.5', 'x', '101', '1e1'])('a whole number refuses %j', (text) => {
    expect(() => wholeNumber(1, 100)(text)).toThrow('from 1 to 100');
  });

  test.each(['', '-0.1', '1.1', 'x', '1e-1'])('a share refuses %j', (text) => {
    expect(() => share(text)).toThrow('from 0 to 1');
  });

  test('valid numbers, shares, policy mixes and times are parsed', () => {
    expect([wholeNumber(1, 100)('100'), share('.5'), share('1'), share('0')]).toEqual([100, 0.5, 1, 0]);
    expect(policyMix('efs=0.3, relay=0.2')).toEqual({ efs: 0.3, relay: 0.2 });
    expect(policyMix('relay=1')).toEqual({ efs: 0, relay: 1 });
    expect(moment('2026-01-05T08:00:00Z')).toBe(Date.UTC(2026, 0, 5, 8));
  });

  test('an invalid policy mix, shares above 1 and a time out of bounds are refused', () => {
    for (const text of ['', 'efs', 'efs=x', 'other=1', 'efs=0.3;relay=0.2'])
      expect(() => policyMix(text)).toThrow('It must be like');
    expect(() => policyMix('efs=0.6,relay=0.6')).toThrow('together');
    for (const text of ['x', '1999-12-31', '2100-01-01'])
      expect(() => moment(text)).toThrow('It must be a time');
  });
});
