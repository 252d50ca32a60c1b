import { momentumLog } from '../../src/mta/formats/momentum-log';
import type { MtaEvent } from '../../src/mta/event';
import type { SourceSettings } from '../../src/mta/feedback';
import { identityRules } from '../../src/mta/identity';
import { customary, READER_SETTINGS } from '../../src/mta/settings';
import { outcomes } from './samples';

const source = (deliveryId: string, messageId = 'native'): SourceSettings => ({
  ...customary(momentumLog),
  identity: identityRules([deliveryId], [messageId]),
});

const received = (id: string): string =>
  `1795595200@${id}@b@c@R@ann@example.net@b-DM7.${id}@send.example.org@192.0.2.1@201@esmtp@default@spring`;
const delivered = (id: string): string =>
  `1795595203@${id}@b@c@D@example.net@266@default@spring@0@3.0@192.0.2.7`;
const envelopeOf = (readings: readonly unknown[]): readonly string[] => (readings[0] as MtaEvent).envelope;

it('momentum-log: VERP of the reception identifies the delivery, whose line has no sender', () => {
  const verp = 'verp:b-{deliveryId}.{messageId}@send.example.org';
  const lines = [received('m-1'), delivered('m-1'), delivered('m-2')].join('\n');
  expect(outcomes(momentumLog, lines, READER_SETTINGS, source(verp, verp))).toMatchObject([
    { topic: 'mta.relayed', value: { deliveryId: 'DM7', messageId: 'm-1' } },
    { topic: 'mta.delivered', value: { deliveryId: 'DM7', messageId: 'm-1', relayedAt: 1795595200000 } },
    { reason: 'unmatched' },
  ]);
});

it('momentum-log: bounce mails that Momentum has made are no messages of a sender', () => {
  const lines = [
    '1795595200@m-1@b@c@R@b@send.example.org@@@127.0.0.1@201@internal@default@spring',
    '1795595201@m-1@b@c@T@send.example.org@0@default@spring@5@0@1.0@192.0.2.7@421 later',
    delivered('m-1'),
  ].join('\n');
  const internal = { outcome: 'ignored', event: 'internal' };
  expect(outcomes(momentumLog, lines, READER_SETTINGS, source('binding'))).toEqual([
    internal,
    internal,
    internal,
  ]);
});

it('momentum-log: a reader that goes on from what another saved knows the senders', () => {
  const first = momentumLog.open(READER_SETTINGS, null);
  first.read(received('m-1'));
  const second = momentumLog.open(READER_SETTINGS, JSON.parse(JSON.stringify(first.saved())) as never);
  expect(envelopeOf(second.read(delivered('m-1')))).toEqual(['b-DM7.m-1@send.example.org']);
});

it('momentum-log: the senders of 100,000 messages are kept, and the oldest forgotten', () => {
  const reader = momentumLog.open(READER_SETTINGS, null);
  for (let message = 0; message <= 100_000; message += 1) reader.read(received(`m-${message}`));
  expect(envelopeOf(reader.read(delivered('m-0')))).toEqual([]);
  expect(envelopeOf(reader.read(delivered('m-1')))).toEqual(['b-DM7.m-1@send.example.org']);
});

it.each([
  ['5', 10],
  ['9', 1],
])('momentum-log: a bare 550 at stage %s has the class %i', (stage, bounceClass) => {
  const line = `1795595203@m-1@b@c@P@example.net@0@default@spring@${stage}@0@3.0@192.0.2.7@550 no`;
  expect(outcomes(momentumLog, line, READER_SETTINGS, source('binding'))).toMatchObject([
    { value: { bounceClass } },
  ]);
});
