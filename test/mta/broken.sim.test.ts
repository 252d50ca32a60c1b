import { FORMATS } from '../../src/mta/formats';
import { exim } from '../../src/mta/formats/exim';
import { postfix } from '../../src/mta/formats/postfix';
import { faultsOf } from './hostile';
import { samplesOf } from './samples';

/** The samples that are broken: one of each shape where others differ in their values alone, else all. */
const SHAPES: Readonly<Record<string, readonly string[]>> = {
  brevo: ['deferred'],
  // Of logs, a line of each kind is broken.
  ...{ exim: [], postfix: [] },
  mailgun: ['failed-permanent', 'form', 'legacy-bounced'],
  mailjet: ['bounce-hard'],
  postal: ['delayed', 'bounced'],
  postmark: ['hard-bounce'],
  powermta: ['sections'],
  resend: ['bounced-permanent'],
  sendgrid: ['bounce'],
  ses: ['bounce-two-recipients', 'delivery-sns', 'delivery-delay'],
};

const samples = FORMATS.filter(({ framing }) => framing !== 'mail').flatMap((format) =>
  samplesOf(format.name)
    .filter(({ name }) => SHAPES[format.name]?.includes(name) ?? true)
    .map((sample) => ({ format, ...sample })),
);

const exims = (text: string): string => `2026-11-25 08:26:43 1vNabc-000abc-2C ${text}`;
const EXIM = [
  exims('H=app [192.0.2.1] Warning: X-Delivery-ID: DM7'),
  exims('<= b@send.example.org P=esmtp S=1 id=m-1@send.example.org T="a \\" b" for ann@example.net'),
  exims(
    '== ann@example.net R=a T=b defer (-44) H=mx [192.0.2.7]: SMTP error after RCPT TO:<ann@example.net>: 452 full',
  ),
  exims('** ann@example.net <bob@example.net>: retry timeout exceeded'),
];

const postfixes = (daemon: string, text: string): string =>
  `Nov 25 08:26:40 mx1 postfix/${daemon}[812]: 4fJ2kW1c5Zz3Qn: ${text}`;
const POSTFIX = [
  postfixes('cleanup', 'info: header X-Delivery-ID: DM7 from app[192.0.2.1]; from=<b@send.example.org>'),
  postfixes('cleanup', 'message-id=<m-1@send.example.org>'),
  postfixes('qmgr', 'from=<b@send.example.org>, size=1, nrcpt=1 (queue active)'),
  postfixes(
    'smtp',
    'to=<ann@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, dsn=2.0.0, status=deferred ' +
      '(host mx.example.net[192.0.2.7] said: 452 4.2.2 full)',
  ),
  postfixes('qmgr', 'from=<b@send.example.org>, status=expired, returned to sender'),
];

describe('whatever is broken of it, each event has a listed outcome, and nothing throws:', () => {
  it.each(samples)('the sample $name of $format.name', ({ format, text }) => {
    expect(faultsOf(format, text)).toEqual([]);
  });

  it.each([
    [exim, EXIM],
    [postfix, POSTFIX],
  ])('lines of the log, $name', (format, lines) => {
    expect(faultsOf(format, lines.join('\n'))).toEqual([]);
  });
});
