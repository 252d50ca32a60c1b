import { DEFAULT_COLUMNS, powermta } from '../../src/mta/formats/powermta';
import { READER_SETTINGS } from '../../src/mta/settings';
import { readings } from './samples';

const HEADER = 'type,timeLogged,timeQueued,orig,rcpt,dsnDiag,jobId\n';
const ROW = 'd,1795600003,1795600000,b@send.example.org,ann@example.net,,DM7';
const DEFAULT_ROW = DEFAULT_COLUMNS.map((name) => (name === 'type' ? 'd' : `${name}@x`)).join(',');

const only = <T>(all: readonly T[]): T => {
  expect(all).toHaveLength(1);
  return all[0] as T;
};

describe('accounting files of PowerMTA', () => {
  it('without a header line have the default columns, also without the last two of them', () => {
    const shorter = DEFAULT_ROW.split(',').slice(0, 21).join(',');
    for (const row of [DEFAULT_ROW, shorter])
      expect(only(readings(powermta, row))).toMatchObject({ recipient: 'rcpt@x', envelope: ['orig@x'] });
  });

  it('without a header line and with a number of columns that is not the default are not guessed', () => {
    expect(only(readings(powermta, ROW))).toMatchObject({ rejected: 'not-parsable' });
  });

  it('without a header line have the columns that are set', () => {
    const columns = ['type', 'timeLogged', 'rcpt'];
    const reading = only(readings(powermta, 'd,1795600003,ann@example.net', { ...READER_SETTINGS, columns }));
    expect(reading).toMatchObject({ meaning: 'delivered', recipient: 'ann@example.net' });
  });

  it('with a header line have its columns, whatever is set', () => {
    const columns = ['type', 'a', 'b', 'c', 'd', 'e', 'f'];
    const reading = only(readings(powermta, HEADER + ROW, { ...READER_SETTINGS, columns }));
    expect(reading).toMatchObject({ recipient: 'ann@example.net' });
  });

  it('take the types by their long names', () => {
    const row = ROW.replace(/^d/u, 'transient');
    expect(only(readings(powermta, HEADER + row))).toMatchObject({ event: 't', meaning: 'deferred' });
  });

  it('state complaints with their type and the headers of the message', () => {
    const text =
      'type,timeLogged,orig,rcpt,feedbackType,header_X-Delivery-ID,header_Message-Id\n' +
      'f,1795620000,b@send.example.org,ann@example.net,abuse,DM7,<m-1@send.example.org>';
    const reading = only(readings(powermta, text));
    expect(reading).toMatchObject({
      meaning: 'complained',
      feedbackType: 'abuse',
      messageIdHeader: '<m-1@send.example.org>',
      nativeId: null,
    });
    expect(reading).toHaveProperty(
      'headers',
      new Map([
        ['x-delivery-id', 'DM7'],
        ['message-id', '<m-1@send.example.org>'],
      ]),
    );
  });

  it('give all rows of a message to a recipient one id, and each recipient another', () => {
    const other = ROW.replace('ann', 'bob');
    const text = [HEADER.trim(), ROW.replace(/^d,1795600003/u, 't,1795600001'), ROW, other].join('\n');
    const [deferred, delivered, another] = readings(powermta, text).map(
      (each) => 'nativeId' in each && each.nativeId,
    );
    expect(deferred).toBe(delivered);
    expect(another).not.toBe(delivered);
  });

  it.each(['message-expired', 'Message-Expired'])('with the category %s have expired', (category) => {
    const text = `type,timeLogged,rcpt,bounceCat\nb,1795600003,ann@example.net,${category}`;
    expect(only(readings(powermta, text))).toMatchObject({ meaning: 'expired' });
  });

  it('state when a message was relayed, also without its sender; a mail that came back does not', () => {
    const text = [
      'type,timeLogged,timeQueued,rcpt',
      'd,1795600003,1795600000,ann@example.net',
      'rb,1795600009,1795600008,ann@example.net',
    ].join('\n');
    expect(readings(powermta, text)).toMatchObject([{ relayedAt: 1_795_600_000_000 }, { relayedAt: null }]);
  });

  it('keep a bounded number of header lines', () => {
    const reader = powermta.open(READER_SETTINGS, null);
    for (let columns = 1; columns < 100; columns += 1)
      reader.read(['type', ...Array.from({ length: columns }, () => 'x')]);
    expect(reader.saved()).toHaveLength(16);
  });
});
