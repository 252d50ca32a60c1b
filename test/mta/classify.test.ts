import { causeOf, classify, plainText } from '../../src/mta/classify';

const classOf = (text: string): number => classify(causeOf({ text })).bounceClass;

describe('texts', () => {
  it.each([
    [10, '550 5.1.1 <ann@example.net>: no such user here'],
    [10, '550 ann@example.net: mailbox has been disabled'],
    [10, '554 5.7.1 this account was blocked by its provider'],
    [10, '550 Requested action not taken: mailbox unavailable (in reply to RCPT TO command)'],
    [10, '550 Benutzer ist unbekannt'],
    [10, '550 5.1.1 Adresse du destinataire inconnue'],
    [10, '550 El usuario no existe'],
    [10, '550 Adressat unbekannt'],
    [10, '550 Utente sconosciuto'],
    [10, "Impossibile trovare l'indirizzo di posta elettronica immesso"],
    [10, '550 Пользователь не найден'],
    [10, '550 宛先のユーザは存在しません'],
    [10, '550 用户不存在'],
    [10, 'user ann not listed in Domino Directory'],
    [10, "ann wasn't found at example.net"],
    [10, "550 RCPT (<ann@example.net>) dosn't exist"],
    [10, '550 user has no permission'],
    [20, '450 Requested action not taken: mailbox unavailable'],
    [20, '450 4.2.0 Recipient address rejected: Greylisted for five minutes'],
    [20, 'connect to mx.example.net[192.0.2.7]:25: Connection refused'],
    [20, 'host mx.example.net did not respond'],
    [21, '550 5.1.2 Host or domain name not found'],
    [21, 'Unrouteable address'],
    [21, '556 5.1.10 example.net does not accept mail (null MX)'],
    [21, 'unable to get mx info: failed to get IPs from PTR record: lookup <nil>: unrecognized address'],
    [21, '550 5.4.312 Message expired, DNS query failed(ServerFailure)'],
    [21, 'Unable to resolve destination host'],
    [22, '552 5.2.2 mailbox is full'],
    [22, '550 O utilizador excedeu a quota de correio'],
    [22, '550 5.1.1 user is over quota'],
    [22, '554 Das Postfach des Empfängers ist voll'],
    [22, '550 Boîte du destinataire pleine'],
    [22, '452 La casella del destinatario è piena'],
    [22, '550 Почтовый ящик переполнен'],
    [23, '552 5.3.4 message size exceeds fixed limit'],
    [24, 'Message expired after 5 days in the queue'],
    [25, '550 suppressed: the address has bounced before'],
    [40, '554 5.4.6 too many hops, this message is looping'],
    [40, '554 5.0.0 message refused after 26 hops'],
    [50, '550 5.7.1 Sender address rejected: user unknown'],
    [50, "550 5.7.26 not accepted due to the domain's DMARC policy"],
    [40, '554 message refused after 26 hops'],
    [50, '550-5.7.26 Your email has been blocked because the sender is unauthenticated.'],
    [50, '550 5.7.1 The recipient has blocked you'],
    [50, '550 HELO should be a FQDN or address literal'],
    [50, '421 too many connections from your host'],
    [50, '550 Requested action not taken: mailbox unavailable (in reply to end of DATA command)'],
    [51, '554 5.7.1 client [192.0.2.10] blocked using zen.spamhaus.org'],
    [51, '550 your IP address has a poor reputation'],
    [51, "421 RP-001 Unfortunately, some messages from 192.0.2.1 weren't sent. Please try again."],
    [51, '451 DT:SPM mx1,example'],
    [52, '550 5.7.1 this message was identified as spam'],
    [53, '552 5.7.0 this file type is a blocked attachment'],
    [54, '554 5.7.1 <ann@example.net>: Relay access denied'],
    [54, "553 sorry, that domain isn't in my list of allowed rcpthosts"],
    [100, 'your message was waitlisted: sender not pre-approved'],
  ])('%d for %s', (bounceClass, text) => {
    expect(classOf(text)).toBe(bounceClass);
  });

  it.each([
    ['an address', '550 5.1.1 <spamhaus@quota.example>: unknown user', 10],
    ['the name of a host', 'host spamhaus.virus.example[192.0.2.7] said: 550 5.1.1 unknown user', 10],
    ['a reply in several lines', '550-5.1.1 no such 550-5.1.1 user', 10],
  ])('are not misled by %s', (_, text, bounceClass) => {
    expect(classOf(text)).toBe(bounceClass);
  });
});

describe('the order of trust', () => {
  it.each([
    ['a clear text before the status', '550 5.1.1 over quota', 22, 'text'],
    ['a status before vague words', '550 5.1.1 rejected', 10, 'enhanced-status'],
    ['vague words before a status without detail', '550 5.5.0 refused', 50, 'text'],
    ['the subject of a status', '550 5.6.9', 40, 'enhanced-status'],
    ['a code', '552 sorry', 22, 'smtp-code'],
    ['nothing', 'sorry', 1, 'default'],
  ])('puts %s', (_, text, bounceClass, by) => {
    expect(classify(causeOf({ text }))).toEqual({ bounceClass, by });
  });
});

describe('causeOf', () => {
  it.each([
    ['smtp; 550 5.1.1 no', 550, '5.1.1', null],
    ['host a.example[192.0.2.7] said: 554 no (in reply to RCPT TO command)', 554, null, 'RCPT'],
    ['550-5.7.1 one 550 5.7.1 two', 550, '5.7.1', null],
    ['deferred - 4.16.55.1; see example.org', null, null, null],
    ['#5.4.4 smtp;554', null, '5.4.4', null],
  ])('reads code, status and command of %s', (text, smtpCode, enhancedStatus, command) => {
    expect(causeOf({ text })).toMatchObject({ smtpCode, enhancedStatus, command });
  });
});

describe('hostile texts', () => {
  it.each([
    'mailbox ',
    'exceeded the ',
    'user a b c d e ',
    'is is is ',
    '@',
    'a@',
    '5.1.',
    'spam for ',
    '\u0301',
    'あ',
  ])('repeated %j: is classified within 50 ms', (part) => {
    const before = process.cpuUsage().user;
    classOf(part.repeat(100_000));
    expect((process.cpuUsage().user - before) / 1e3).toBeLessThan(50);
  });

  it('become plain text of at most the length of the cut', () => {
    expect(plainText('É'.repeat(10_000)).length).toBeLessThanOrEqual(2_048);
  });
});
