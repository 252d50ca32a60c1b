import { mail as format } from '../../src/mta/formats/mail';
import type { MtaEvent } from '../../src/mta/event';
import { parseMail } from '../../src/mta/mail';
import { READER_SETTINGS } from '../../src/mta/settings';
import { mailOutcomes, samplesOf } from './samples';

const bytes = (text: string, encoding: BufferEncoding = 'utf8'): Uint8Array => Buffer.from(text, encoding);

async function events(text: string): Promise<MtaEvent[]> {
  const readings = format.read(await parseMail(bytes(text)), READER_SETTINGS);
  return readings.filter((reading): reading is MtaEvent => 'meaning' in reading);
}

const status = (recipients: string, type = 'delivery-status'): string =>
  `From: MAILER-DAEMON@example.net\nDate: Wed, 25 Nov 2026 08:30:00 +0000\nMessage-ID: <r@example.net>\n` +
  `Content-Type: multipart/report; report-type=${type}; boundary=b\n\n--b\nContent-Type: message/${type}\n\n` +
  `Reporting-MTA: dns; example.net\n\n${recipients}\n--b--\n`;

describe('samples of mails', () => {
  it.each(samplesOf('mail'))('$name gives what its expected file says', async ({ text, expected }) => {
    expect(await mailOutcomes(format, bytes(text))).toEqual(expected);
  });

  it.each(samplesOf('mail'))(
    '$name gives the same with the line ends of DOS and of old Macs',
    async ({ text, expected }) => {
      expect(await mailOutcomes(format, bytes(text.replaceAll('\n', '\r\n')))).toEqual(expected);
      expect(await mailOutcomes(format, bytes(text.replaceAll('\n', '\r')))).toEqual(expected);
    },
  );

  it.each(samplesOf('mail'))(
    '$name never throws, and rejects for listed reasons only, when cut at each eighth',
    async ({ text }) => {
      for (let eighth = 0; eighth < 8; eighth += 1) {
        const cut = bytes(text).subarray(0, Math.floor((text.length * eighth) / 8));
        for (const outcome of await mailOutcomes(format, cut))
          expect(JSON.stringify(outcome)).toMatch(
            /^\{"outcome":"(?:feedback|ignored)|^\{"outcome":"dead-letter","reason":"(?:not-parsable|unknown-event|unmatched|invalid-field)"/u,
          );
      }
    },
  );
});

describe('a delivery status', () => {
  it.each([
    ['failed', '4.4.7', 'bounced'],
    ['delayed', '5.1.1', 'deferred'],
    ['delivered', '2.1.5', 'delivered'],
    ['', '5.1.1', 'bounced'],
    ['', '4.2.2', 'deferred'],
    ['', '2.0.0', 'delivered'],
  ])('with action %j and status %s is %s', async (action, code, meaning) => {
    const fields = `Final-Recipient: rfc822; ann@example.net\n${action === '' ? '' : `Action: ${action}\n`}Status: ${code}\n`;
    expect((await events(status(fields))).map((event) => event.meaning)).toEqual([meaning]);
  });

  it('without empty lines between recipients has each of them', async () => {
    const one = (name: string): string =>
      `Final-Recipient: rfc822; ${name}@example.net\nAction: failed\nStatus: 5.1.1\n`;
    const found = await events(status(one('ann') + one('bob')));
    expect(found.map(({ recipient }) => recipient)).toEqual(['ann@example.net', 'bob@example.net']);
  });

  it('with an empty line within a recipient keeps his fields together', async () => {
    const found = await events(
      status('Final-Recipient: rfc822; ann@example.net\n\nAction: failed\nStatus: 5.2.2\n'),
    );
    expect(found).toHaveLength(1);
    expect(found[0]?.cause?.enhancedStatus).toBe('5.2.2');
  });

  it('takes the time of the last attempt, else of the mail, and no time of another century', async () => {
    const times = async (date: string): Promise<unknown> => {
      const fields = `Final-Recipient: rfc822; ann@example.net\nAction: failed\nLast-Attempt-Date: ${date}\n`;
      return (await events(status(fields)))[0]?.occurredAt;
    };
    expect(await times('Wed, 25 Nov 2026 09:00:00 +0900 (JST)')).toBe(Date.UTC(2026, 10, 25, 0, 0, 0));
    expect(await times('Wed, 25 Nov 2026 09:00:00 EST')).toBe(Date.UTC(2026, 10, 25, 14, 0, 0));
    expect(await times('Thu, 25 Nov 1999 09:00:00 +0000')).toBe(Date.UTC(2026, 10, 25, 8, 30, 0));
  });
});

describe('a bounce mail without a report', () => {
  it.each([
    [
      'that quotes a report',
      'Ann <ann@example.net>',
      'Fwd: Undelivered Mail',
      '<b@example.net>: 550 5.1.1 no such user',
    ],
    [
      'about a parcel',
      'Ann <ann@example.net>',
      'Delivery status',
      'My parcel could not be delivered. User unknown?',
    ],
    [
      'of a shop',
      'Shop <shop@example.com>',
      'Your delivery has been delayed',
      'It has been delayed for 2 days.',
    ],
    ['of an address for bounces', 'News <bounce@example.com>', 'Our news', 'The mailbox is full of offers.'],
  ])('is no ordinary mail %s', async (_, from, subject, text) => {
    const mail = `From: ${from}\nSubject: ${subject}\nIn-Reply-To: <m-1@example.org>\nDate: Wed, 25 Nov 2026 08:30:00 +0000\n\n${text}\n`;
    expect(format.read(await parseMail(bytes(mail)), READER_SETTINGS)).toEqual([
      { rejected: 'unknown-event', detail: 'not a bounce' },
    ]);
  });

  it.each([
    'Re: Hello',
    'Automaattinen vastaus: Hei',
    'Otomatik Yanıt: Merhaba',
    '자동 회신: 안녕',
    'Automatisk svar: Hej',
  ])('is no automatic answer without an envelope sender: %s', async (subject) => {
    const mail = `Return-Path: <>\nFrom: ann@example.net\nSubject: ${subject}\nAuto-Submitted: auto-replied\n\nAnn no longer works here. Write to: 450 Main Street.\n`;
    expect(format.read(await parseMail(bytes(mail)), READER_SETTINGS)).toEqual([{ ignored: 'auto-reply' }]);
  });

  it('is one of a sender that is no daemon where it shows the reply of a server', async () => {
    const mail =
      'From: mail@example.net\nSubject: Non recapitabile: Ciao\n\n<ann@example.net>: 550 5.1.1 no such user\n';
    expect(await events(mail)).toMatchObject([{ meaning: 'bounced', recipient: 'ann@example.net' }]);
  });

  it('has no recipient of lines that name senders and messages', async () => {
    const found = await events(
      'From: MAILER-DAEMON@example.net\nSubject: failed\nTo: b@send.example.org\n\nYour message could not be delivered:\n' +
        '  Message-ID: <m-1@app.example.org>\n  From: Shop <news@example.org>\n\nRecipient address: ann@example.net\n' +
        '  after MAIL FROM:<c@send.example.org>: 550 5.1.1 no such user\n',
    );
    expect(found.map(({ recipient }) => recipient)).toEqual(['ann@example.net']);
  });
});

describe('a complaint', () => {
  const report = (fields: string): string =>
    status('', 'feedback-report').replace('Reporting-MTA: dns; example.net\n\n', fields);

  it('is one for each recipient that is named', async () => {
    const found = await events(
      report(
        'Feedback-Type: Abuse\nOriginal-Rcpt-To: <ann@example.net>\nOriginal-Rcpt-To: bob@example.net\n',
      ),
    );
    expect(found.map(({ meaning, feedbackType, recipient }) => [meaning, feedbackType, recipient])).toEqual([
      ['complained', 'abuse', 'ann@example.net'],
      ['complained', 'abuse', 'bob@example.net'],
    ]);
  });

  it('of a failed authentication is ignored', async () => {
    const mail = await parseMail(bytes(report('Feedback-Type: auth-failure\n')));
    expect(format.read(mail, READER_SETTINGS)).toEqual([{ ignored: 'auth-failure' }]);
  });
});

describe('identity', () => {
  it('offers the addresses of the envelope, and the Message-ID and headers of the original', async () => {
    const sample = samplesOf('mail').find(({ name }) => name === 'exim')?.text ?? '';
    const [event] = await events(sample);
    expect(event?.envelope).toEqual(['b+k9@send.example.org']);
    expect(event?.messageIdHeader).toBe('<m-1.DM7@send.example.org>');
    expect(event?.headers.get('x-delivery-id')).toBe('DM7');
  });

  it('falls back to what the report answers to where nothing was returned', async () => {
    const sample = samplesOf('mail').find(({ name }) => name === 'no-original')?.text ?? '';
    const [event] = await events(sample);
    expect(event?.messageIdHeader).toBe('<m-1.DM7@send.example.org>');
    expect(event?.recipient).toBe('ann@example.net');
  });
});

describe('a mail in an unknown charset', () => {
  it('keeps its ASCII', async () => {
    const mail = await parseMail(
      bytes('Content-Type: text/plain; charset=x-nothing\n\n550 caf\xe9 unknown user\n', 'latin1'),
    );
    expect(mail.text).toContain('unknown user');
  });
});
