import { Command } from 'commander';
import { settings } from '../../src/settings/config';
import { flagOf, variableOf } from '../../src/settings/table';
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
import { settingsFolder } from '../settings/reading';

const { file } = settingsFolder();

/** What a command with all settings, of which it commonly needs the port, prints before it ends. */
function printedBy(flag: string): string {
  let out = '';
  const command = new Command('x').exitOverride().configureOutput({ writeOut: (text) => void (out += text) });
  addSettings(command, ALL_SETTINGS, ['httpPort']);
  expect(() => command.parse([flag], { from: 'user' })).toThrow('(outputHelp)');
  return out;
}

const parsed = (...args: string[]): Command =>
  addSettings(new Command('x').exitOverride(), ALL_SETTINGS).parse(args, { from: 'user' });

describe('settings as flags', () => {
  test('are all in the help of all settings, by group, passwords among them as variables only', () => {
    const help = printedBy('--help-all').replace(/\s+/g, ' ');
    for (const [name, { doc, isFlag }] of settings) {
      expect([name, help.includes(` ${variableOf(name)}`) || help.includes(`(${variableOf(name)}`)]).toEqual([
        name,
        true,
      ]);
      expect([doc, help.includes(doc)]).toEqual([doc, isFlag]);
      expect([name, help.includes(`${flagOf(name)} `)]).toEqual([name, isFlag]);
    }
    expect(help).toMatch(/Settings of Kafka: --kafka-brokers .* Settings of Redis: --redis-url /);
  });

  test('are in the short help where a command commonly needs them, with the file and the way to all others', () => {
    const help = printedBy('--help');
    const flags = [...help.matchAll(/^ {2}(?:-h, )?(--\S+)/gm)].map(([, flag]) => flag);
    expect(flags).toEqual([
      ...['--help-all', '--help', '--config', '--kafka-brokers', '--schema-registry-url', '--redis-url'],
      ...['--http-port', '--topic-prefix'],
    ]);
    expect(help).not.toContain('EFS_REDIS_PASSWORD');
  });

  test('are suggested for a misspelt flag, those that the short help hides too', () => {
    let err = '';
    const command = new Command('x')
      .exitOverride()
      .configureOutput({ writeErr: (text) => void (err += text) });
    addSettings(command, ALL_SETTINGS);
    expect(() => command.parse(['--kafka-sals', 'plain'], { from: 'user' })).toThrow('unknown option');
    expect(err).toContain('Did you mean --kafka-sasl?');
  });

  test('show their values in the help where they are few', () => {
    expect(printedBy('--help-all').replace(/\s+/g, ' ')).toContain('(efs or relay; EFS_POLICY, default efs)');
  });

  test('reach the configuration, over those of the file that --config names', () => {
    const path = file('efs.yaml', 'http-port: 1\ngroup-id: filed\n');
    const flags = [
      '--http-port',
      '9',
      '--kafka-brokers',
      'a:1,b:2',
      '--topic-prefix',
      't.',
      '--config',
      path,
    ];
    expect(configOf(parsed(...flags))).toMatchObject({
      ...{ httpPort: 9, kafkaBrokers: ['a:1', 'b:2'], topicPrefix: 't.', groupId: 'filed' },
    });
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
