import { textClass } from '../classify';
import { headerOf, type ParsedMail } from '../mail';

/** Senders of reports, in `From:`. */
const DAEMON =
  /mailer-?daemon|post_?master|mail ?deliver|deliver(?:y|ies)? ?(?:sub)?system|mail ?system|mail admin|system administrator|mdaemon|mailsystem|maildeliv|system attendant|nondelivery|microsoftexchange|administrador|mail-daemon|internet mail/iu;

/** Senders of reports that send other mails too: newsletters have addresses for their bounces. */
const MAYBE_DAEMON = /bounce|complaint|majordomo/iu;

/** Subjects of reports on a delivery, in the languages of frequent senders. */
const REPORT_SUBJECT =
  /undeliver|unzustellbar|unable to deliver|not deliver|non[- ]?deliver|delivery (?:status|failure|problem|report|notif|fail|has|error|delay|to)|deliver(?:y|ed).{0,20}(?:fail|problem|error)|mail (?:delivery|failure|error|system|status)|returned (?:mail|to sender|message)|failure notice|failed (?:mail|delivery|message)|could ?n[o']t be (?:delivered|sent)|message status|(?:message|mail|e-?mail) .{0,30}(?:failed|delayed|returned|frozen|rejected|blocked)|warning: .{0,60}(?:delay|could not|not been)|delayed mail|rejected mail|message rejected|bounce|loop alert|non remis|non[_ -]?distribu|non recapitat|non recapitabil|mancato recapito|fall[oa].{0,20}entrega|no se (?:ha )?(?:podido|puede) (?:entregar|enviar)|devuelto|devolvi|n[aã]o entreg|falha na entrega|zustell|nicht zugestellt|ustelbar|onbestelbaar|kunde inte levereras|nie dostarczono|niedostarczon|не доставлен|недоставлен|配信|配達|エラー|返送|送信できません|退信|退回|投递失败/iu;

/** What texts of reports say of the delivery. */
const FAILURE_TEXT =
  /(?:could|can|has|have|was|were|is|are|did|been)(?: ?not|n't)(?: yet)?(?: been| be| reach)? ?(?:deliver|sent|reach|accept|received by)|undeliver|unable to (?:be )?(?:deliver|send|transmit)|delivery (?:to|of|has|attempt|is|was)? ?.{0,40}(?:fail|delayed|abort|problem|not possible|error|expired)|failed (?:permanently|to deliver|address|recipient)|permanent(?: fatal)? (?:error|failure)|returned to (?:you|the sender)|fatal errors|had (?:permanent|transient|delivery)|delivery (?:failure|error)|transcript of session|following (?:address|recipient)|rejected by|remote host said|status: [45]\.\d|nicht zugestellt|zugestellt werden|n'a pas pu|no (?:se )?(?:ha )?(?:podido|pudo)|non [eè] stato possibile|impossibile (?:recapitare|trovare)|n[aã]o (?:p[oô]de|foi poss)|送信できません|配信できません|届けることができません|無法|无法/iu;
const REPLY =
  /(?:^|[\s:<#(])(?:[45]\d{2}[ -](?:#?[45]\.\d{1,3}\.\d|[A-Za-z<'"(-])|[45]\.\d{1,3}\.\d{1,3}\b)/mu;

const AUTO_SUBJECT =
  /^(?:re: ?)?(?:\[?auto(?:matic|mated|matische|mático)?[- ]?(?:re(?:ply|sponse|spuesta)|antwort)|out[- ]of[- ](?:the[- ])?office|automatische (?:antwort|abwesenheit)|abwesen|ich bin nicht|r[ée]ponse automatique|absence|respuesta autom|risposta automatica|resposta autom|autosvar|autoreply|automatisch antwoord|afwezig|vacation|away from|on (?:holiday|vacation|leave)|autom[aá]tick|odpowied|自動(?:返信|応答)|不在|自动(?:回复|答复)|자동 ?(?:회신|응답)|부재중|automaattinen|automatisk (?:svar|besvar)|otomatik yan[ıi]t|automatikus v[aá]lasz|r[aă]spuns automat|αυτόματη|автоответ)/iu;
const AUTO_HEADERS = [
  'x-autoreply',
  'x-autorespond',
  'x-autoresponder',
  'x-mail-autoreply',
  'x-auto-reply',
] as const;

/** Whether the mail has an empty envelope sender, which reports must have (RFC 5321, 6.1) and automatic replies may have. */
const hasNullSender = (mail: ParsedMail): boolean =>
  /^<?\s{0,8}>?$/u.test(headerOf(mail, 'return-path') ?? 'none');

function saysDaemon(mail: ParsedMail): boolean {
  const from = headerOf(mail, 'from') ?? '';
  return (
    DAEMON.test(from) ||
    from === '' ||
    /^mailer-?daemon/iu.test(headerOf(mail, 'return-path')?.slice(1) ?? '')
  );
}

/** Whether the mail answers by itself: a vacation, an acknowledgement. Bounce mails often say so too. */
export function isAutoReply(mail: ParsedMail): boolean {
  if (AUTO_SUBJECT.test(headerOf(mail, 'subject') ?? '')) return true;
  if (AUTO_HEADERS.some((name) => headerOf(mail, name) !== null)) return true;
  if (/auto[_-]?reply/iu.test(headerOf(mail, 'precedence') ?? '')) return true;
  return (
    /^auto-(?:replied|generated|notified)/iu.test(headerOf(mail, 'auto-submitted') ?? '') ||
    hasNullSender(mail)
  );
}

/** Subjects of what people write: replies and forwarded mails, a bounce that someone asks about among them. */
const OF_PEOPLE = /^\s{0,4}(?:re|aw|sv|vs|fwd?|wg|tr|rv|i|enc|antw)\s{0,2}:/iu;
/** Frames of reports by MTAs, whatever sender they name. */
const FRAME =
  /this is the qmail-send program|created automatically by mail delivery software|this is the mail system at|reach the following recipient|message log follows|delivery has failed to these|(?:delivered|undeliverable) to (?:one or more|the following)|following address(?:es)?(?:\(es\))? (?:had|failed)|transcript of session/iu;

/** Whether a mail of anyone, an address for bounces or a person, is a report by more than the words of its text. */
function isReportOfAnyone(mail: ParsedMail, subject: string, text: string): boolean {
  if (OF_PEOPLE.test(subject)) return false;
  const isSubject = REPORT_SUBJECT.test(subject);
  const showsReply = REPLY.test(text) || FRAME.test(text) || /loop alert/iu.test(subject);
  if (!MAYBE_DAEMON.test(headerOf(mail, 'from') ?? '')) return isSubject && showsReply;
  return showsReply || (isSubject && FAILURE_TEXT.test(text));
}

/** Whether a mail with an empty envelope sender is the automatic answer of a person, which may have one too. */
const isAnswer = (mail: ParsedMail, subject: string): boolean =>
  OF_PEOPLE.test(subject) ||
  (!REPORT_SUBJECT.test(subject) && /^auto-replied/iu.test(headerOf(mail, 'auto-submitted') ?? ''));

/** Whether a mail without a delivery status tells of a delivery: who sent it, what it is called and what it says. */
export function isBounceText(mail: ParsedMail, text: string): boolean {
  const subject = headerOf(mail, 'subject') ?? '';
  if (headerOf(mail, 'x-failed-recipients') !== null) return true;
  if (AUTO_SUBJECT.test(subject)) return false;
  const type = headerOf(mail, 'content-type') ?? '';
  const isDaemon = saysDaemon(mail);
  const isReport = /multipart\/report/iu.test(type);
  if (!isDaemon && !isReport) {
    if (!hasNullSender(mail)) return isReportOfAnyone(mail, subject, text);
    if (isAnswer(mail, subject)) return false;
  }
  const marks = [isDaemon, REPORT_SUBJECT.test(subject), hasNullSender(mail), isReport];
  const says = [
    FAILURE_TEXT.test(text) || textClass(text) !== null,
    REPLY.test(text),
    /loop alert/iu.test(subject),
    /report-type="?delivery-status/iu.test(type),
  ].filter(Boolean).length;
  const marked = marks.filter(Boolean).length;
  return says >= 1 && marked + says >= (marks[0] === true || marks[1] === true ? 2 : 3);
}

const DELAY =
  /not yet been delivered|(?:has|have|been|was|is) (?:been )?delayed|delivery .{0,40}delayed|still (?:being )?(?:tried|trying|in the queue|undelivered)|warning message only|(?:delivery )?attempts? will (?:continue|be made)|will (?:continue|keep) (?:to )?try|(?:will|to) be retried|no action is required|do(?:es)? not need to (?:resend|be resent)|delays? in delivering|delayed for|not been delivered (?:yet|after more)|queued for|wird weiter versucht|retard|aplazad|demorad|has been frozen|was frozen on arrival|could not send message for past|is only a warning|advisory[- ]only|noch nicht zugestellt/iu;
const FINAL =
  /permanent(?:ly)? (?:error|fail|fatal)|failed permanently|giving up|gave up|returned to sender|will not be (?:retried|delivered)|no further (?:delivery )?attempts|undeliverable|could not be delivered/iu;

/** Whether a text says that the delivery goes on. */
export const saysDelayed = (subject: string, text: string): boolean =>
  (DELAY.test(text.slice(0, 4_000)) || /delayed|^warning:|verzögert|retardé/iu.test(subject)) &&
  !(FINAL.test(text.slice(0, 4_000)) && !/delayed|warning/iu.test(subject));
