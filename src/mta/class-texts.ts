/** A text that tells the reason of a refusal. */
export interface TextClass {
  readonly bounceClass: number;
  readonly pattern: RegExp;
}

/**
 * Alternatives of one reason, each from the beginning of a word on. They are matched against plain text: lower case,
 * single spaces, no accents, `@` for each address. Every quantifier is bounded, so that matching is linear in the text's
 * length.
 */
export function texts(bounceClass: number, ...alternatives: readonly string[]): TextClass {
  return { bounceClass, pattern: new RegExp(`\\b(?:${alternatives.join('|')})`, 'u') };
}

/** Alternatives that may begin within a word, or with a letter beyond ASCII, which has no word boundary. */
export function textsAnywhere(bounceClass: number, ...alternatives: readonly string[]): TextClass {
  return { bounceClass, pattern: new RegExp(alternatives.join('|'), 'u') };
}

/** Up to `most` words. */
export const words = (most: number): string => `(?:[^ ]{1,40} ){0,${most}}`;
/** A word of its own: `\b` does not hold around letters beyond ASCII, but these are all ASCII. */
export const word = (alternatives: string): string => `\\b(?:${alternatives})\\b`;

const WHO =
  '(?:mail ?box|user(?: ?name| ?id)?|recipients?|accounts?|address(?:ee)?(?:es)?|e-?mail(?: address| account)?|customer|alias|subscriber)';
const GONE =
  '(?:unknown|disabled|inactive|suspended|deactivated|closed|terminated|discontinued|expired|locked|frozen|archived|invalid|cancell?ed|deleted|removed|retired|(?:is )?blocked)';
const ABSENT =
  "(?:not (?:be |a )?(?:found|known|exist|exists|listed|recogni[sz]ed|valid|active|present|registered|hosted)|(?:does|do|did) ?(?:not|n't|nt) (?:seem to )?exist|(?:could|can) ?(?:not|n't|nt) be found|wasn't found|no longer (?:exists?|valid|active|available|in use|on|accepts?|with))";

/** Addresses of senders and hosts are none of recipients. */
const RECIPIENT = `(?<!\\b(?:ip|sender|source|sending|host|return|your|from|network) )${WHO}`;

/** Addresses that exist no more, or never did: by far the most frequent reason. */
export const USER_UNKNOWN: readonly string[] = [
  'no such (?:user|mailbox|recipient|address|person|account|local|customer|e-?mail|alias|id\\b|name|object)',
  `(?:unknown|invalid|illegal|bad|non-?existent|non existent|unrecogni[sz]ed|inactive|expired|deactivated|disabled|incorrect|wrong) ${words(1)}${WHO}\\b(?! sender)`,
  `${RECIPIENT}:? ${words(5)}(?:is |was |has been |are |been |currently |administratively |temporarily ){0,3}(?:${GONE}|${ABSENT})`,
  `${RECIPIENT} ${GONE}`,
  `${word('user|mailbox|recipient')} (?:unk?nown|n[o0]t ?(?:found|exist|known))`,
  "(?:no|not have an?|(?:doesn|don|didn)'t have an?) (?:[^ ]{1,40} )?(?:account|mailbox)(?: here| found| by|\\b)",
  'no mail ?box|mailbox not|not (?:a )?(?:valid|known|local|registered) (?:user|recipient|mailbox|address|account)',
  'no one (?:at|by|with) th(?:is|at)|no ?body (?:here )?by that name|no user|no valid recipient|no recipients? found',
  'bad ?rcpt ?to|badrecipient|valid ?rcpt ?to|does not like recipient|recipient (?:is )?not (?:ok|accepted|local)|envelope recipient has been denied|rejected recipients|not an active address|(?:can.t|cannot) accept user|missing home directory|possibly incorrect|suspend the service|temporarily limited|mailbox unavaiable',
  'recip(?:ient)?notfound|unknown or illegal|not our customer|not listed in|no longer (?:works|employed|on server)',
  "name is not recogni[sz]ed|user's email name is not found|are not recogni[sz]ed",
  "wasn't found at|d[o']{1,2}e?sn'?t exist|(?:user|account|recipient) has no permission",
  'unknown (?:local[- ]?part|virtual user|extension|name)|invalid final delivery userid|in name directory|name & address book|address book',
  'has (?:left|moved|retired)|been replaced by|new (?:e-?mail )?address is|changed (?:his|her|their) (?:e-?mail )?address',
  'mailaddress is administrat|mailbox (?:is )?(?:currently |temporarily )?(?:suspended|frozen|locked|disabled|inactive)',
  'recipient address rejected: (?:access denied|undeliverable|user|unverified|invalid|[^ ]{0,20}unknown)',
  '(?:all|the following) (?:recipients?|addresses) (?:were|was) (?:invalid|unknown)|destination addresses were unknown',
];

export const USER_UNKNOWN_ABROAD: readonly string[] = [
  // German
  'adressat unbekannt|benutzer(?:name)? .{0,30}(?:unbekannt|nicht|existiert)|empfanger .{0,40}(?:unbekannt|nicht (?:gefunden|bekannt|vorhanden|existiert)|existiert nicht)|unbekannte[rn]? (?:benutzer|empfanger|adresse|teilnehmer)|adresse .{0,30}(?:unbekannt|existiert nicht|nicht gefunden|ungultig)|postfach .{0,30}(?:existiert nicht|deaktiviert|gesperrt|nicht (?:gefunden|vorhanden|bekannt))',
  // French
  "utilisateur .{0,20}inconnu|destinataire .{0,20}(?:inconnu|invalide|inexistant)|adresse .{0,40}(?:invalide|inexistante|inconnue|introuvable|n'existe pas)|compte .{0,20}(?:bloque|inactif|desactive|inexistant|ferme)|boite .{0,30}(?:archivee|desactivee|inexistante|inconnue)",
  // Spanish and Portuguese
  'usuario .{0,20}(?:desconocid|no existe|inexistente|invalido|desconhecid|nao|inativo|no encontrado)|no existe .{0,20}(?:usuario|persona|cuenta|buzon|destinatario)|destinatario .{0,20}(?:desconocido|desconhecido|inexistente|inesistente|sconosciuto|invalido|no existe|nao)|(?:cuenta|conta|casilla|buzon|endereco|direccion|caixa postal) .{0,30}(?:no existe|inexistente|desactivad|desativad|nao existe|nao encontrad|no encontrad|expirado|inativa|invalid)',
  // Italian
  "impossibile trovare l'indirizzo",
  'utente .{0,20}(?:sconosciuto|inesistente|simile|non (?:trovato|esiste))|casella .{0,20}(?:inesistente|disabilitata|non (?:esiste|attiva))|indirizzo .{0,20}(?:inesistente|sconosciuto|non (?:esiste|valido|trovato))',
  // Dutch, Swedish, Danish, Norwegian, Finnish
  'onbekende (?:gebruiker|ontvanger)|gebruiker .{0,20}(?:onbekend|bestaat niet)|okand (?:anvandare|mottagare)|ukendt (?:bruger|modtager)|ukjent (?:bruker|mottaker)|tuntematon',
  // Polish, Czech, Turkish
  'nie istnieje|nieznany (?:uzytkownik|odbiorca|adresat)|uzytkownik .{0,10}nie|konto (?:niedostepne|nieaktywne|zablokowane)|neznamy (?:uzivatel|prijemce)|neexistuje|kullanici .{0,15}(?:bulunamadi|yok)',
];

/** The recipient could make room. */
export const MAILBOX_FULL: readonly string[] = [
  `over (?:the |its |their |his )?${words(1)}quota|overquota|(?:exceed|reach)(?:s|ed|ing)? ${words(3)}(?:quota|allotted|allocation|storage)|quota ${words(3)}(?:exceed|full|reached|violat|exhaust|surpass)`,
  `${word('mail ?box|inbox|mail ?folder|mail ?dir|account|mail ?spool|mail file|message store')} ${words(4)}(?:full\\b|(?:exceed|over)(?:s|ed|ing)? ${words(4)}(?:size|limit|space|maximum|capacity))`,
  'full mail ?box|mailbox size limit|mailbox exceeds|would exceed (?:maximum|the|its|your|allowed) ?.{0,20}(?:storage|space|size of the mailbox)',
  `(?:out of|not enough|insufficient|no|lack of|exhausted|run out of|exceeded) (?:allowed |free |available |its |system |mailbox |disk ){0,2}(?:storage|disk|disc) ?(?:space|resources)?\\b|(?:not enough|no more|insufficient) ${words(2)}space|not have (?:enough|any) ${words(2)}(?:space|room)`,
  'too many (?:messages|mails) (?:on the server|in (?:the )?mailbox)|space (?:has been )?(?:is )?used up|(?:disk|storage) (?:space|quota|limit) .{0,20}(?:exceed|reach|full)|account storage limit|too much mail data|receiving limits',
  'excede\\S{0,3} (?:a|la|el|o|su) (?:quota|cota|cuota)|user disk quota|quotaexceeded|userdisk quota|domaindisk quota|over disk|mail ?quota|disk quota|is overquota',
  'postfach .{0,30}(?:voll|uberfullt)|mailbox .{0,15}(?:voll|pleine|piena|llena|cheia|pelna)|speicherplatz .{0,30}(?:uberschritten|erschopft|voll)|zu ?viele mails|quota .{0,15}uberschritten',
  'boite .{0,40}(?:pleine|saturee)|quota .{0,15}depasse|bo[ai]te aux lettres pleine|messagerie .{0,15}pleine',
  'buzon .{0,40}(?:lleno|sin espacio)|casilla .{0,30}llena|(?:cuota|cota|quota|espacio) .{0,20}(?:excedid|agotad|superad|insuficiente)|bandeja .{0,20}llena',
  'casella .{0,30}piena|spazio .{0,20}(?:esaurito|insufficiente)|caixa .{0,40}(?:cheia|lotada)|postbus .{0,20}vol\\b|skrzynka .{0,30}(?:pelna|przepelnion)|przekroczon.{0,15}(?:limit|quota|pojemno)',
];

/** The same in writings other than Latin, and right after an address. */
export const USER_UNKNOWN_ANYWHERE: readonly string[] = [
  `@>?(?:\\.\\.\\.|:)? (?:is |was |has been )?(?:currently )?(?:${GONE}|${ABSENT})`,
  // Russian
  'пользовател.{0,20}(?:не (?:наи?[йи]?ден|существует|зарегистр)|неизвест)|(?:адрес|ящик|получател).{0,25}(?:не (?:существует|на[йи]ден)|отключен|заблокирован|неактив)|не существует',
  // Japanese, Chinese, Korean
  '(?:ユーザ|宛先|あて先|メールアドレス|アカウント|受信者).{0,25}(?:存在し|不明|見つか|みつか|無効|ありません)|ディレクトリ.{0,15}(?:見つか|リストにあり)|(?:用户|用戶|邮箱|收件人|帐号|账号).{0,12}(?:不存在|不正确|未找到|找不到|停用|冻结)|无此用户|(?:사용자|수신자|계정|주소|메일).{0,12}(?:없|존재하지|찾을 수)',
];

export const MAILBOX_FULL_ANYWHERE: readonly string[] = [
  'ящик.{0,25}переполн|превышен.{0,15}квот|квот.{0,15}превыш|переполнен',
  '(?:メールボックス|受信箱|メール容量|保存容量|容量).{0,20}(?:いっぱい|一杯|満杯|超え|超過|オーバー|不足)|(?:邮箱|邮件|空间|信箱|郵箱).{0,8}(?:已?满|已?滿|不足|超过|超限)|(?:용량|메일함|사서함).{0,12}(?:초과|가득|부족)',
];
