import { mapReading, printable } from '../../src/mta/feedback';
import { postfix } from '../../src/mta/formats/postfix';
import { identityRules } from '../../src/mta/identity';
import { customary, READER_SETTINGS } from '../../src/mta/settings';
import { readings } from './samples';

const SETTINGS = { ...READER_SETTINGS, latest: Date.UTC(2026, 10, 30) };
const ID = '4fJ2kW1c5Zz3Qn';
const line = (daemon: string, text: string, time = '08:26:40'): string =>
  `Nov 25 ${time} mx1 postfix/${daemon}[812]: ${ID}: ${text}`;
const status = (to: string, word: string, text = '250 ok'): string =>
  line(
    'smtp',
    `to=<${to}>, relay=mx.example.net[192.0.2.7]:25, delay=1, dsn=2.0.0, status=${word} (${text})`,
  );
const events = (...lines: string[]): object[] =>
  readings(postfix, lines.join('\n'), SETTINGS).filter((each) => !('ignored' in each));

describe("lines of Postfix's log", () => {
  it('give the ids of a pattern of the Message-ID, with angle brackets or without', () => {
    const text = [
      line('cleanup', 'message-id=<m-1.DM7@send.example.org>'),
      status('ann@example.net', 'sent'),
    ];
    for (const pattern of [
      '{messageId}.{deliveryId}@send.example.org',
      '<{messageId}.{deliveryId}@send.example.org>',
    ]) {
      const rule = `message-id:${pattern}`;
      const source = { ...customary(postfix), identity: identityRules([rule], [rule]) };
      expect(events(...text).map((each) => printable(mapReading(each as never, source)))).toMatchObject([
        { topic: 'mta.delivered', key: 'm-1', value: { deliveryId: 'DM7' } },
      ]);
    }
  });

  it.each([
    ['message-id=<m-1@send.example.org>', 'm-1@send.example.org'],
    ['message-id=?<m-1@send.example.org>', 'm-1@send.example.org'],
    ['message-id==?utf-8?q?=3Cm=5F1=40send=2Eexample=2Eorg=3E?=', 'm_1@send.example.org'],
    ['message-id==?us-ascii?B?PG0tMUBzZW5kLmV4YW1wbGUub3JnPg==?=', 'm-1@send.example.org'],
    ['message-id=m-1', 'm-1'],
    ['message-id=', null],
    ['message-id=<>', null],
  ])('have the Message-ID of %s', (text, messageIdHeader) => {
    expect(events(line('cleanup', text), status('ann@example.net', 'sent'))).toMatchObject([
      { messageIdHeader },
    ]);
  });

  it('state one acceptance for each recipient, at the time when the message was first active', () => {
    const active = 'from=<b@send.example.org>, size=1, nrcpt=2 (queue active)';
    const all = events(
      ...[line('cleanup', 'message-id=<m-1@x>'), line('qmgr', active), status('ann@example.net', 'deferred')],
      ...[
        line('qmgr', active, '09:00:00'),
        status('ann@example.net', 'sent'),
        status('bob@example.net', 'sent'),
      ],
    );
    const accepted = all.filter((each) => 'meaning' in each && each.meaning === 'accepted');
    const occurredAt = Date.UTC(2026, 10, 25, 8, 26, 40);
    expect(accepted).toMatchObject([
      { recipient: 'ann@example.net', occurredAt, envelope: ['b@send.example.org'] },
      { recipient: 'bob@example.net', occurredAt },
    ]);
  });

  it('have the arrival by the delay where a retry is the first line that is read', () => {
    const active = line('qmgr', 'from=<b@send.example.org>, size=1, nrcpt=1 (queue active)');
    const sent = status('ann@example.net', 'sent').replace('delay=1,', 'delay=3600.4,');
    const arrivedAt = Date.UTC(2026, 10, 25, 7, 26, 39, 600);
    expect(events(active, sent)).toMatchObject([
      { meaning: 'accepted', occurredAt: arrivedAt },
      { meaning: 'delivered', relayedAt: arrivedAt },
    ]);
    expect(events(sent)).toMatchObject([{ meaning: 'delivered', relayedAt: arrivedAt }]);
  });

  it('do not let a recipient write a status of its own', () => {
    const to = '"x>, relay=none, dsn=2.0.0, status=sent (ok)"@example.net';
    expect(events(status(to, 'bounced', '550 no'))).toMatchObject([{ meaning: 'refused', recipient: to }]);
  });

  it('hold the reply apart from the name of the host that gave it', () => {
    const text =
      'host mx.spamhaus.example[192.0.2.7] said: 550-5.1.1 no such user 550 5.1.1 sorry (in reply to RCPT TO command)';
    expect(events(status('ann@example.net', 'bounced', text))).toMatchObject([
      {
        cause: {
          text: expect.stringMatching(/^550-5\.1\.1 no such user/u) as string,
          smtpCode: 550,
          command: 'RCPT',
        },
      },
    ]);
  });

  it('are no delivery where a filter on this machine has queued the message again, and one where another server has', () => {
    const text = '250 2.0.0 Ok: queued as 4fJ2kX7Z2cz11Xv';
    const local = status('ann@example.net', 'sent', text).replace(
      'mx.example.net[192.0.2.7]',
      '127.0.0.1[127.0.0.1]',
    );
    expect(events(local)).toEqual([]);
    expect(events(status('ann@example.net', 'sent', text))).toMatchObject([{ meaning: 'delivered' }]);
  });

  it('with soft_bounce are deferred', () => {
    expect(events(status('ann@example.net', 'SOFTBOUNCE', '550 no'))).toMatchObject([
      { meaning: 'deferred' },
    ]);
  });

  it('of one message do not reach another one on another host with the same queue id', () => {
    const other = status('ann@example.net', 'sent').replace(' mx1 ', ' mx2 ');
    expect(events(line('cleanup', 'message-id=<m-1@x>'), other)).toMatchObject([{ messageIdHeader: null }]);
  });

  it('forget a message that is removed', () => {
    const reader = postfix.open(SETTINGS, null);
    for (const each of [line('cleanup', 'message-id=<m-1@x>'), line('qmgr', 'removed')]) reader.read(each);
    expect(reader.saved()).toEqual([]);
  });
});
