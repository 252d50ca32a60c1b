import type { MtaEvent, Reading } from '../../src/mta/event';
import { kumomta } from '../../src/mta/formats/kumomta';
import { mandrill } from '../../src/mta/formats/mandrill';
import { momentumLog } from '../../src/mta/formats/momentum-log';
import { sparkpost } from '../../src/mta/formats/sparkpost';
import { identify } from '../../src/mta/identity';
import { customary, READER_SETTINGS } from '../../src/mta/settings';
import { readings } from './samples';

const only = (all: readonly Reading[]): MtaEvent => {
  expect(all).toHaveLength(1);
  return all[0] as MtaEvent;
};

it('a complaint of SparkPost has the type of its report', () => {
  const event = {
    ...{
      type: 'spam_complaint',
      event_id: 'ev-1',
      message_id: '65f1a2',
      campaign_id: 'spring',
      fbtype: 'fraud',
    },
    ...{ rcpt_to: 'ann@example.net', timestamp: '1795599202' },
  };
  expect(only(readings(sparkpost, JSON.stringify([{ msys: { message_event: event } }])))).toMatchObject({
    ...{ meaning: 'complained', feedbackType: 'fraud', occurredAt: 1795599202000, cause: null },
  });
});

it('a complaint of KumoMTA has the identity of the returned original, not that of the report', () => {
  const original =
    'From: news@send.example.org\r\nX-Message-ID:\r\n m-1\r\nMessage-ID: <1@send.example.org>\r\n\r\nHi';
  const record = {
    ...{ type: 'Feedback', id: 'report', queue: 'other:acme@send.example.org', timestamp: 1795599202 },
    feedback_report: {
      ...{ feedback_type: 'abuse', original_rcpto_to: ['<ann@example.net>'], original_message: original },
      ...{ original_mail_from: '<b-k9@send.example.org>', supplemental_trace: { campaign: 'spring' } },
    },
  };
  const event = only(readings(kumomta, JSON.stringify(record)));
  expect(event).toMatchObject({
    ...{ meaning: 'complained', feedbackType: 'abuse', recipient: '<ann@example.net>', nativeId: null },
    ...{ envelope: ['<b-k9@send.example.org>'], messageIdHeader: '<1@send.example.org>', relayedAt: null },
  });
  expect(identify(event, customary(kumomta).identity)).toMatchObject({
    deliveryId: 'spring',
    messageId: 'm-1',
  });
});

it('a complaint of a Momentum log has the user string, and no message id', () => {
  const reader = momentumLog.open(READER_SETTINGS, null);
  expect(
    only(reader.read('1795599202@18/00-1@F@ann@example.net@spring@default@abuse@example.com@DM7@m-1')),
  ).toMatchObject({
    ...{ meaning: 'complained', feedbackType: 'abuse', recipient: 'example.net', nativeId: null },
    fields: { userString: 'DM7@m-1', binding: 'spring' },
  });
});

it('a complaint of Mandrill is one', () => {
  const event = { event: 'spam', ts: 1795599202, msg: { _id: 'man1', email: 'ann@example.net' } };
  expect(only(readings(mandrill, JSON.stringify([event])))).toMatchObject({
    meaning: 'complained',
    nativeId: 'man1',
  });
});
