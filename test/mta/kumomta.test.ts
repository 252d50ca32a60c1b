import { kumomta } from '../../src/mta/formats/kumomta';
import { identityRules } from '../../src/mta/identity';
import { customary, READER_SETTINGS } from '../../src/mta/settings';
import { outcomes } from './samples';

it('kumomta: an OOB record is identified by VERP, never by the ids of the bounce mail', () => {
  const record = {
    ...{ type: 'OOB', id: 'd5a', sender: 'DM7.m-1@send.example.org', recipient: 'ann@example.net' },
    ...{ queue: 'other:acme@send.example.org', headers: { 'X-Delivery-ID': 'DM8' }, timestamp: 1795605203 },
    ...{ response: { code: 550, content: 'no such user' }, bounce_classification: 'InvalidRecipient' },
  };
  const verp = 'verp:{deliveryId}.{messageId}@send.example.org';
  const rules = identityRules(['header:X-Delivery-ID', 'campaign', verp], ['native', verp]);
  const source = { ...customary(kumomta), identity: rules };
  expect(outcomes(kumomta, JSON.stringify(record), READER_SETTINGS, source)).toMatchObject([
    {
      topic: 'mta.hard-bounced',
      value: { deliveryId: 'DM7', messageId: 'm-1', bounceClass: 10, source: 'ASYNC', relayedAt: null },
    },
  ]);
});

it('kumomta: the campaign of the queue is the delivery where nothing else is', () => {
  const record = { type: 'Delivery', id: '6f', recipient: 'ann@example.net', timestamp: 1795595203 };
  const queued = (queue: string): object[] => outcomes(kumomta, JSON.stringify({ ...record, queue }));
  expect(queued('spring:acme@example.net')).toMatchObject([{ value: { deliveryId: 'spring' } }]);
  expect(queued('acme@example.net')).toMatchObject([{ reason: 'unmatched' }]);
});
