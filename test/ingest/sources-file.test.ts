import { generateKeyPairSync } from 'node:crypto';
import { exposureErrors, sourceOfSettings, sourcesIn } from '../../src/ingest/sources-file';

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ format: 'der', type: 'spki' })
  .toString('base64');
const around = {
  variables: { SPARK: 'u:pw', OLD: 'old', EMPTY: '' },
  secretIn: (path: string): string => {
    if (path === '/run/key') return key;
    throw new Error('cannot be read (ENOENT)');
  },
};
const read = (text: string) => sourcesIn(text, around);
const only = (text: string) => {
  const made = read(`sources:\n  one:\n${text.replace(/^/gm, '    ')}`);
  if ('errors' in made) throw new Error(made.errors.join('\n'));
  return made.ok[0]!;
};

describe('a file of sources', () => {
  it('names each with its format, its identity and what its accepted messages say', () => {
    const { given, auth, kafka } = only(`
format: sparkpost
auth: { basic: "\${SPARK}" }
identity:
  deliveryId: [rcpt_meta.deliveryId, "verp:b+{deliveryId}.{messageId}@send.example.org"]
  messageId: message_id
relayed: { policy: EFS, validity: 84h }
notRelayed: drop
zone: "+02:00"`);
    expect(given).toMatchObject({
      ...{ name: 'one', format: 'sparkpost', policy: 'EFS', validityPeriodMs: 84 * 3_600_000 },
      deliveryId: ['rcpt_meta.deliveryId', 'verp:b+{deliveryId}.{messageId}@send.example.org'],
      messageId: ['message_id'],
      ...{ notRelayed: 'drop', zone: '+02:00', columns: null },
    });
    expect([auth, kafka]).toEqual([{ kind: 'basic', secrets: ['u:pw'] }, null]);
  });

  it('may have classes of its own, and says what is wrong with them', () => {
    const { given } = only('format: kumomta\nclasses: { categories: { Gone: 10 } }');
    expect(given.classes?.categories.get('gone')).toBe(10);
    const made = read(
      'sources: { one: { format: kumomta, classes: { categories: { Gone: x }, texts: 5 } } }',
    );
    expect(made).toEqual({
      errors: [
        expect.stringMatching(/^sources\.one\.classes\.categories\.Gone: must be a bounce class/),
        expect.stringMatching(/^sources\.one\.classes\.texts: must be a list/),
      ],
    });
  });

  it('has the secrets that files hold now, by what makes the auth again; without a file nothing does', () => {
    let secret: string | null = 'old';
    const made = sourcesIn(
      'sources: { one: { format: kumomta, auth: { bearer: { file: /run/token } } }, two: { format: mail, auth: { bearer: t } } }',
      {
        variables: {},
        secretIn: () => {
          if (secret === null) throw new Error('cannot be read (ENOENT)');
          return secret;
        },
      },
    );
    const [one, two] = 'ok' in made ? made.ok : [];
    expect([one?.auth, two?.renewAuth]).toEqual([{ kind: 'bearer', secrets: ['old'] }, null]);
    const said: unknown[] = [];
    for (secret of ['new', '', null]) said.push(one?.renewAuth?.());
    expect(said).toEqual([
      { ok: { kind: 'bearer', secrets: ['new'] } },
      { error: expect.stringContaining('is empty') },
      { error: expect.stringContaining('/run/token cannot be read (ENOENT)') },
    ]);
  });

  it('may be JSON', () => {
    const made = read(JSON.stringify({ sources: { a: { format: 'kumomta' }, b: { format: 'mail' } } }));
    expect('ok' in made && made.ok.map(({ given }) => given.name)).toEqual(['a', 'b']);
  });

  it.each([
    ['', { kind: 'none' }],
    ['auth: none', { kind: 'none' }],
    ['auth: proxy', { kind: 'proxy' }],
    ['auth: { bearer: ["${OLD}", new] }', { kind: 'bearer', secrets: ['old', 'new'] }],
    ['auth: { header: { name: X-Token, secret: s } }', { kind: 'header', header: 'x-token', secrets: ['s'] }],
    [
      'auth: { hmac: { header: X-Sig, encoding: base64, secret: s } }',
      { kind: 'hmac', header: 'x-sig', encoding: 'base64', secrets: ['s'] },
    ],
    ['auth: { mailgun: s }', { kind: 'mailgun', secrets: ['s'] }],
    [
      'auth: { mandrill: { url: "https://x.example.org/in/one", secret: s } }',
      { kind: 'mandrill', url: 'https://x.example.org/in/one', secrets: ['s'] },
    ],
    ['auth: { sendgrid: { file: /run/key } }', { kind: 'sendgrid', keys: [expect.anything()] }],
    ['auth: { standard-webhooks: whsec_aa }', { kind: 'standard-webhooks', secrets: ['whsec_aa'] }],
    ['auth: { sns: { topics: ["arn:aws:sns:x"] } }', { kind: 'sns', topics: ['arn:aws:sns:x'] }],
  ])('says how senders prove themselves: %s', (line, auth) => {
    expect(only(`format: kumomta\n${line}`).auth).toEqual(auth);
  });

  it('serves no requests for a source that is read from Kafka, unless it says how senders prove themselves', () => {
    const kafka = 'kafka: { topic: kumo-log, group: efs }';
    expect(only(`format: kumomta\n${kafka}`)).toMatchObject({ auth: null, kafka: { topic: 'kumo-log' } });
    expect(only(`format: kumomta\n${kafka}\nauth: { basic: s }`).auth).toMatchObject({ kind: 'basic' });
  });

  it('is refused with everything that is wrong at once, each with its place, and no secret', () => {
    const made = read(`
sources:
  a/b: { format: kumomta }
  spark:
    format: sparkpots
    colour: blue
  other:
    format: kumomta
    zone: CET
    identity: { deliveryId: ["verp:x"], messageId: 5 }
  keys:
    format: kumomta
    zone: CET
    identity: { deliveryId: ["verp:x"] }
    auth: { sendgrid: top-secret }
  files:
    format: kumomta
    auth: { basic: { file: /none } }
  late: { format: kumomta, relayed: { policy: BOTH, validity: 84 } }
`);
    expect('errors' in made && made.errors).toEqual([
      expect.stringMatching(/^sources\.a\/b: has characters/),
      expect.stringMatching(/^sources\.spark: colour is not known here; a source has format, auth/),
      expect.stringMatching(/^sources\.other\.identity\.messageId: is no rule/),
      expect.stringMatching(/^sources\.keys\.identity\.deliveryId: "verp:x" does not contain/),
      expect.stringMatching(/^sources\.keys\.zone: "CET"/),
      expect.stringMatching(/^sources\.keys\.auth\.sendgrid: is no public key; copy it/),
      expect.stringMatching(/^sources\.files\.auth\.basic: \/none cannot be read \(ENOENT\); name a file/),
      expect.stringMatching(/^sources\.late\.relayed\.policy: is neither/),
      expect.stringMatching(/^sources\.late\.relayed\.validity: is no span of time; write it like 84h/),
    ]);
    expect(JSON.stringify(made)).not.toContain('top-secret');
  });

  it.each([
    ['sources:\n  a: [', /^line 2: is no YAML/],
    ['', /^sources: is missing/],
    ['sources: {}', /^sources: is missing/],
    [
      'sources: { a: { format: kumomta, auth: { basic: "${NONE}" } } }',
      /^sources\.a\.auth\.basic: the variable NONE is not set/,
    ],
    ['sources: { a: { format: kumomta, auth: { basic: "${EMPTY}" } } }', /the variable EMPTY is not set/],
    [
      'sources: { a: { format: kumomta, auth: { basic: [a, b, c] } } }',
      /^sources\.a\.auth\.basic: is no secret/,
    ],
    [
      'sources: { a: { format: kumomta, auth: guess } }',
      /^sources\.a\.auth: is not one of none, proxy, basic/,
    ],
  ])('is refused: %s', (text, message) => {
    const made = read(text);
    expect('errors' in made && made.errors).toEqual([expect.stringMatching(message)]);
  });
});

describe('the one source of the settings', () => {
  const settings = {
    ...{ format: 'kumomta', name: '', deliveryId: '', messageId: '', secret: '', renewSecret: null },
  };

  it.each([
    ['kumomta', 'a,b', { kind: 'password', secrets: ['a', 'b'] }],
    ['mailgun', 'a', { kind: 'mailgun', secrets: ['a'] }],
    ['sendgrid', key, { kind: 'sendgrid', keys: [expect.anything()] }],
    ['resend', 'whsec_aa', { kind: 'standard-webhooks', secrets: ['whsec_aa'] }],
    [
      'ses',
      'arn:aws:sns:a,arn:aws:sns:b,arn:aws:sns:c',
      { kind: 'sns', topics: ['arn:aws:sns:a', 'arn:aws:sns:b', 'arn:aws:sns:c'] },
    ],
    ['ses', '', { kind: 'none' }],
  ])('%s takes its secret as its provider means it', (format, secret, auth) => {
    const made = sourceOfSettings({ ...settings, format, secret });
    // A format that is not there yet is another error than a wrong secret.
    if ('ok' in made) expect(made.ok[0]?.auth).toEqual(auth);
    else expect(made.errors).toEqual([expect.stringContaining('EFS_INGEST_FORMAT')]);
  });

  it('reads its secret again from the file that holds it', () => {
    const made = sourceOfSettings({ ...settings, secret: 'old', renewSecret: () => 'new,old' });
    expect('ok' in made && made.ok[0]?.renewAuth?.()).toEqual({
      ok: { kind: 'password', secrets: ['new', 'old'] },
    });
  });

  it('is named by its format unless it has a name, and has the rules of its settings', () => {
    const made = sourceOfSettings({ ...settings, deliveryId: 'a.b, header:X', name: 'mine' });
    expect('ok' in made && made.ok[0]?.given).toMatchObject({
      name: 'mine',
      deliveryId: ['a.b', 'header:X'],
    });
    const unnamed = sourceOfSettings(settings);
    expect('ok' in unnamed && unnamed.ok[0]?.given).toMatchObject({ name: 'kumomta', deliveryId: null });
  });

  it('is refused by the names of its variables', () => {
    const made = sourceOfSettings({ ...settings, format: 'nope', messageId: 'verp:x', secret: 'a,b,c' });
    expect('errors' in made && made.errors).toEqual([
      expect.stringMatching(/^EFS_INGEST_FORMAT: "nope" is not known/),
      expect.stringMatching(/^EFS_INGEST_MESSAGE_ID: "verp:x" does not contain/),
      expect.stringMatching(/^EFS_INGEST_SECRET: has more than two secrets/),
    ]);
  });
});

test('a source that asks for nothing is not served to other machines, unless a proxy is said to ask', () => {
  const [none, proxy] = [only('format: kumomta'), only('format: kumomta\nauth: proxy')];
  expect(exposureErrors([none, proxy], true)).toEqual([]);
  expect(exposureErrors([none, proxy], false)).toEqual([
    expect.stringMatching(/^sources\.one\.auth: is absent/),
  ]);
});
