import { exim } from '../../src/mta/formats/exim';
import { READER_SETTINGS } from '../../src/mta/settings';
import { outcomes, readings } from './samples';

const ARRIVAL =
  '2026-11-25 08:26:40 1vNabc-000abc-2C <= b@send.example.org P=esmtp S=1 id=m-1@send.example.org';
const at = (text: string): string => `2026-11-25 08:26:43 1vNabc-000abc-2C ${text}`;
const HEADER = at('H=app [192.0.2.1] Warning: X-Delivery-ID: DM7');
const events = (...lines: string[]): object[] =>
  readings(exim, lines.join('\n')).filter((each) => !('ignored' in each));

describe("lines of Exim's main log", () => {
  it('have the Message-ID and the sender of the line of arrival', () => {
    expect(events(ARRIVAL, at('=> ann@example.net H=mx.example.net [192.0.2.7]'))).toMatchObject([
      { meaning: 'accepted', messageIdHeader: 'm-1@send.example.org', envelope: ['b@send.example.org'] },
      { meaning: 'delivered', messageIdHeader: 'm-1@send.example.org', recipient: 'ann@example.net' },
    ]);
  });

  it('are about the original recipient where an address came of another', () => {
    const lines = [
      at('=> x@example.org <ann@example.net> R=dnslookup'),
      at('=> :blackhole: <bob@example.net> R=a'),
    ];
    expect(events(...lines)).toMatchObject([
      { recipient: 'ann@example.net' },
      { recipient: 'bob@example.net' },
    ]);
  });

  it('do not take a subject for values or recipients', () => {
    const line =
      ARRIVAL.replace('id=', 'T="id=x for eve@example.net \\" for y" id=') + ' for "a b"@example.net';
    expect(events(line)).toMatchObject([
      { recipient: '"a b"@example.net', messageIdHeader: 'm-1@send.example.org' },
    ]);
  });

  it('with an unrouteable address name an invalid domain', () => {
    expect(
      outcomes(exim, [HEADER, at('** ann@nowhere.example: Unrouteable address')].join('\n')).at(-1),
    ).toMatchObject({ value: { bounceClass: 21 } });
  });

  it.each([
    'retry timeout exceeded',
    "all hosts for 'example.net' have been failing for a long time (and retry time not reached)",
    'retry time not reached for any host after a long failure period',
  ])('that end a failing recipient are an expiry without a cause: %s', (text) => {
    expect(events(at(`** ann@example.net R=dnslookup T=remote_smtp: ${text}`))).toMatchObject([
      { meaning: 'expired', cause: null },
    ]);
  });

  it('have times in the zone of the line, else in the one that is set', () => {
    const line = at('=> ann@example.net H=mx.example.net [192.0.2.7]');
    const occurredAt = Date.UTC(2026, 10, 25, 6, 26, 43);
    const settings = { ...READER_SETTINGS, zone: '+02:00' };
    expect(readings(exim, line, settings)).toMatchObject([{ occurredAt }]);
    expect(events(line.replace(':43', ':43 +0200'))).toMatchObject([{ occurredAt }]);
  });

  it('forget a message that is completed', () => {
    const reader = exim.open(READER_SETTINGS, null);
    for (const line of [ARRIVAL, at('Completed')]) reader.read(line);
    expect(reader.saved()).toEqual([]);
  });
});
