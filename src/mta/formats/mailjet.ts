import { categoriesOf, type Cause, causeOf } from '../classify';
import { type Meaning, mtaEvent } from '../event';
import { field, isObject, type Json, text } from '../json';
import { timeOf } from '../time';
import { idsIn, readingsOf, suppressedText, unquotedIn, webhook, wordsOf } from '../webhook';

const WORDS = wordsOf({
  sent: 'delivered',
  bounce: 'refused',
  blocked: 'not-relayed',
  spam: 'complained',
  open: null,
  click: null,
  unsub: null,
});

/** `error`: the reason in Mailjet's words. */
const ERRORS = categoriesOf({
  'user unknown': 10,
  'mailbox inactive': 10,
  typofix: 10,
  'quota exceeded': 22,
  blacklisted: 25,
  'spam reporter': 25,
  preblocked: 25,
  'invalid domain': 21,
  'no mail host': 21,
  'relay/access denied': 54,
  greylisted: 20,
  'sender blocked': 51,
  'content blocked': 52,
  'policy issue': 50,
  'duplicate in campaign': 25,
  'system issue': 40,
  'protocol issue': 40,
  'connection issue': 20,
});
/** Errors of recipients to whom Mailjet sends nothing any more. */
const SUPPRESSIONS: ReadonlySet<string> = new Set(['blacklisted', 'spam reporter', 'preblocked']);

const isTrue = (value: Json | undefined): boolean => value === true || value === 1 || value === 'true';

/** Mailjet tries again after a greylisting, and after what its comment calls temporary. */
function isTemporary(event: Json): boolean {
  if (isTrue(field(event, 'hard_bounce'))) return false;
  const comment = text(field(event, 'comment'))?.slice(0, 1_024) ?? '';
  return field(event, 'error') === 'greylisted' || /\btemporar(?:y|ily)\b/iu.test(comment);
}

function causeIn(event: Json): Cause {
  const error = text(field(event, 'error'));
  const told = text(field(event, 'comment')) ?? error;
  const isSuppressed = SUPPRESSIONS.has(error?.toLowerCase() ?? '');
  return causeOf({
    category: error,
    categories: ERRORS,
    text: isSuppressed
      ? suppressedText([error, text(field(event, 'comment'))].filter(Boolean).join(', '))
      : told,
  });
}

const isFailure = (meaning: Meaning): boolean => meaning === 'refused' || meaning === 'not-relayed';

/** Mailjet's Event API: one event, or an array of them where events are grouped. */
export const mailjet = webhook({
  name: 'mailjet',
  identity: idsIn('Payload', 'customcampaign'),
  read: (event, { zone }) =>
    readingsOf(event, field(event, 'event'), WORDS, (meaning, word) => [
      mtaEvent({
        event: word,
        meaning: meaning === 'refused' && isTemporary(event) ? 'deferred' : meaning,
        fields: isObject(event) ? unquotedIn(event, 'Payload') : event,
        nativeId: text(field(event, 'MessageID')) ?? text(field(event, 'Message_GUID')),
        recipient: text(field(event, 'email')),
        occurredAt: timeOf(field(event, 'time'), zone),
        cause: isFailure(meaning) ? causeIn(event) : null,
      }),
    ]),
});
