import {
  AUTHENTICATION,
  ATTACHMENT,
  CONTENT,
  LISTED,
  POLICY,
  RATE,
  RELAYING,
  SENDER,
  TOO_LARGE,
} from './class-refusals';
import {
  MAILBOX_FULL,
  type TextClass,
  texts,
  textsAnywhere,
  MAILBOX_FULL_ANYWHERE,
  USER_UNKNOWN,
  USER_UNKNOWN_ABROAD,
  USER_UNKNOWN_ANYWHERE,
} from './class-texts';
import { DOMAIN, EXPIRED, LOOP, SYSTEM, UNREACHABLE } from './class-transport';

/**
 * Replies by their text, the most specific first; the first match wins. The order is what these lists are about: a
 * mailbox that is full often "is not available" too, and a sender that does not exist is no recipient that does not exist.
 */
export const TEXT_CLASSES: readonly TextClass[] = [
  texts(
    25,
    'suppress(?:ed|ion)',
    'previously bounced|bounced address|unsubscribed address|on (?:the|our|your) drop list',
  ),
  texts(
    60,
    'out of (?:the )?office|auto(?:matic|mated)?[- ]?(?:reply|replied|response|responder)|\\bvacation\\b',
  ),
  texts(
    100,
    'sender not pre-?approved|challenge[- ]response|waitlisted|guest list|account is protected by|(?:has|have) your address added to the recipient|requires confirmation|confirm that you (?:are|sent)',
  ),
  // Outlook.com limits a sender; NetEase and AOL refuse by a code alone.
  texts(51, 'messages from [^ ]{1,60} weren.t sent|dt:spm|will not accept delivery of this message'),
  texts(20, 'gr[ea]y-?list|could not contact dns'),
  texts(40, ...LOOP),
  texts(50, ...RATE),
  texts(22, ...MAILBOX_FULL),
  textsAnywhere(22, ...MAILBOX_FULL_ANYWHERE),
  texts(54, ...RELAYING),
  texts(50, ...SENDER),
  texts(
    50,
    'recipient preferences|blocked by (?:the )?recipient|refused by (?:the )?recipient|you have been blocked|(?:recipient|user|addressee|customer) (?:has )?blocked (?:you|your|the sender|this sender|mails?|messages?)|\\b(?:sender|message|e-?mail) is (?:un|not )authenticated',
    '(?:helo|ehlo) should be|callback setup failed',
  ),
  texts(
    21,
    'unknown (?:mail )?domain|mail domain mentioned|no such domain|host or domain name not found|unable to get mx info|failed to get ips from ptr record|dns query failed',
  ),
  // Before block lists: `not listed in`, and accounts that are blocked.
  texts(10, ...USER_UNKNOWN, ...USER_UNKNOWN_ABROAD),
  textsAnywhere(
    21,
    'ドメイン.{0,15}(?:存在し|見つか|不明)|域名.{0,8}(?:不存在|错误)|домен.{0,20}не (?:существует|наиден)',
  ),
  textsAnywhere(10, ...USER_UNKNOWN_ANYWHERE),
  texts(23, ...TOO_LARGE),
  textsAnywhere(23, 'メッセージ.{0,12}(?:サイズ|大きすぎ)|邮件.{0,8}(?:过大|太大)|слишком велик'),
  texts(53, ...ATTACHMENT),
  texts(51, ...LISTED),
  texts(52, ...CONTENT),
  texts(50, ...AUTHENTICATION),
  texts(50, ...POLICY),
  texts(21, ...DOMAIN),
  texts(24, ...EXPIRED),
  texts(40, ...SYSTEM),
  texts(20, ...UNREACHABLE),
  texts(10, "does ?(?:not|n't) exist"),
];

/** Words that say little: looked at only where the enhanced status says nothing either. */
export const VAGUE_TEXT_CLASSES: readonly TextClass[] = [
  texts(
    10,
    'recipient (?:address )?(?:[^ ]{1,40} )?(?:was |is )?(?:rejected|denied|refused)|(?:bad|undeliverable) address|address(?:es)? (?:was |were |is )?(?:rejected|failed)|recipients? (?:was |is )?unavailable',
  ),
  texts(51, '\\b(?:blocked|banned|listed)\\b'),
  texts(52, '\\bspam|\\bjunk\\b'),
  texts(53, '\\bvirus|attachment'),
  texts(
    50,
    'polic(?:y|ies)|\\b(?:denied|refused?|rejected|rejecting|reject|forbidden|prohibited|restricted|unacceptable|unauthori[sz]ed|administrat\\S{1,8}|abgelehnt|verweigert|refuse|rejete|rechazado|rifiutato|rejeitad[ao])\\b|not (?:allowed|permitted|accepted|acceptable|accept)|transaction failed|security',
  ),
];

const statuses = (
  bounceClass: number,
  ...details: readonly string[]
): readonly (readonly [string, number])[] => details.map((detail) => [detail, bounceClass] as const);

/** Enhanced status codes (RFC 3463) without their first digit. */
export const STATUS_CLASSES: ReadonlyMap<string, number> = new Map([
  // Bad, ambiguous or moved mailboxes; `2.1`: disabled; `7.13`: account disabled; `7.17`: owner has changed.
  ...statuses(10, '1.0', '1.1', '1.3', '1.4', '1.6', '2.1', '7.13', '7.17'),
  // Bad system address, null MX, nothing in the DNS, domain owner has changed.
  ...statuses(21, '1.2', '1.10', '4.4', '7.18'),
  ...statuses(22, '2.2'),
  ...statuses(23, '2.3', '3.4', '7.16'),
  ...statuses(24, '4.7'),
  ...statuses(20, '4.1', '4.2', '4.3', '4.5', '3.1', '3.2'),
  ...statuses(40, '4.6', '3.3', '3.5'),
  // Sender's address and system, too many recipients.
  ...statuses(50, '1.7', '1.8', '5.3'),
  ...statuses(51, '7.1'),
]);

/** Enhanced status codes of which only the subject is known: looked at after all texts. */
export const STATUS_SUBJECTS: ReadonlyMap<string, number> = new Map([
  ['7', 50],
  ['3', 40],
  ['5', 40],
  ['6', 40],
  ['4', 20],
]);
