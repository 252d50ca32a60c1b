import { word, words } from './class-texts';

/** The domain does not exist, or takes no mail at all. */
export const DOMAIN: readonly string[] = [
  `${word('host|domain|mail domain|domain name|hostname|mx|server name|mail server|mail exchanger|system|destination')}s?(?: name)?(?: @)? ${words(4)}(?:is |was )?(?:not (?:be )?(?:found|exist|resolve|known|valid|reachable)|(?:does|do) ?(?:not|n't|nt) exist|unknown|can'?t be found|could not be (?:found|resolved)|couldn't be found|no mx|unresolvable|must exist|mentioned in|non-?existent|invalid|not a valid|has no (?:mx|mail|dns|a)|doesn't have|suspended)`,
  'unknown (?:host|domain|mail domain|system)|no such (?:host|domain)|unrout[e]?able|name or service not known|name (?:service|server|resolution) ?(?:error|fail|lookup)?|(?:no|null) ?mx\\b|no (?:[^ ]{1,20} )?(?:mx|mail exchanger|dns) records?|non-?existent ?(?:domain|hosts?)|(?:invalid|bad|illegal|incorrect) (?:domain|host(?:name)?)\\b|domain not in use',
  "no route found to|(?:couldn't|could not|can't|cannot|unable to) (?:find|resolve|locate|look ?up)(?: any| a| an| the)? (?:destination )?(?:host|mail exchanger|domain|mx|route|address for|gateway|dns|ip)|dns (?:error|lookup|failure|records? (?:for|of)|server returned|violat)|host (?:address )?lookups? failed|lookups failed permanently|does not accept (?:e?mail|any mail)|indicated no smtp|existing smtp connection|only .{0,20}dead domain|is a dead domain|bad destination (?:host|system)|remote domain doe?s",
  "domaine .{0,20}(?:inconnu|inexistant|n'existe)|dominio .{0,25}(?:no existe|inexistente|inesistente|desconocido|nao existe|no encontrado)|domane .{0,20}(?:unbekannt|nicht)|domain .{0,20}(?:unbekannt|existiert nicht|nicht gefunden)",
];

/** The sending server gave up after its time. */
export const EXPIRED: readonly string[] = [
  `(?:message|delivery|mail|queue)(?: time)? ${words(3)}(?:has )?(?:expired|timed out|too old)|\\bexpired\\b|max(?:imum)? (?:time|queue|retry|number of (?:retries|attempts))|exceeded (?:max(?:imum)? )?(?:time|number of (?:retries|attempts))|retry (?:timeout|time|limit)|(?:been )?in (?:the |my |our |mail )?(?:mail )?queue (?:too|for)|too long in|on the queue|undelivered for|queue (?:time|period|lifetime)|allowed queue`,
  'not (?:been )?(?:delivered|collected|accepted) (?:within|after|in)|could not be delivered (?:for|within|in|after)|giving up after|gave up|give up|delivery failed \\d{1,4} attempts|(?:been )?failing for a long time|time ?limit|time to live|attempts to deliver|repeated(?:ly)? (?:attempts|failed)|numerous attempts|for (?:the last |over |more than )?\\d{1,3}(?:\\.\\d)? ?(?:days|hours)|nicht innerhalb|delai .{0,20}(?:depasse|expire)|tiempo .{0,20}(?:agotado|excedido)',
];

/** No server answered, or asked to come again. */
export const UNREACHABLE: readonly string[] = [
  `connect(?:ion|ed|ions)?\\b ${words(5)}(?:fail|refus|timed|time ?out|lost|reset|dropped|closed|broken|unexpected|error|unsuccess|abort|terminated|expired|rejected)|lost connection|(?:fail|unable|could not|couldn't|cannot|can't|wasn't able|not able|attempts?|trying|error) ${words(2)}(?:to )?(?:connect|contact|establish|reach|open|communicate)|smtp connection|unexpected connection response|bad connection|connection (?:error|was)`,
  `timed?[- ]?out|no (?:answer|response|reply)|(?:not|n't|stopped) ${words(1)}respond|unreachable|not reachable|cannot be reached|no route to|network (?:error|is|problem)|host is down|broken pipe|but greeting failed|my name was rejected`,
  `temporar(?:y|ily) ${words(3)}(?:fail|error|problem|unavailable|local|defer|reject|suspend|not|lookup|server|unable|dns|system|block|refus|overload|busy)|try (?:it )?(?:again|later)|please retry|essayer plus tard|spater (?:erneut|noch)|(?:service|server|system|host|mail ?system|resources?) ${words(3)}(?:unavailable|busy|not available|shutting down|is down|overload|not ready|maintenance|closing)|not accepting (?:network )?messages|(?:load|resources) (?:too high|average)|overload|insufficient (?:system )?resources|deferred\\b|queue file write|dns servers|could not contact dns|ldap|directory (?:server|lookup)|address resolution|operation now in progress`,
];

/** A message that goes round: whatever else the text says of sizes, headers and hosts. */
export const LOOP: readonly string[] = [
  'mail(?:ing)?[- ]?loop|forwarding loop|routing loop|loop(?:s|ing)? (?:back|broken|count)|loop (?:detected|alert|was)|too many (?:hops|received|.received)|hop ?count|\\d{1,4} hops\\b|message (?:is )?looping|in a loop|already has my delivered-to|duplicated message-id|mx ?loopback|best-preference mx|maximum forwarding',
];

/** Programs of the receiver that failed, and what no server should say. */
export const SYSTEM: readonly string[] = [
  '(?:system|server|local|mail system|remote server) (?:is )?(?:config|configuration error|error in|misconfig)|local configuration|internal (?:server )?error|mailer error|command (?:failed|died|output|not (?:implemented|recogni[sz]ed|supported)|unrecogni|parameter)|(?:bad|unrecogni[sz]ed|unknown|invalid|unimplemented) (?:command|sequence|smtp|parameter)|syntax error|protocol error|local (?:delivery|error)|delivery to (?:file|pipe) forbidden|pipe to \\||exit (?:code |status )?\\d|exited (?:with|abnormally)|x-unix|procmail|maildrop|lmtp error|output file|input/output|i/o error|interrupted system|permanent error while|bad interpreter|conversion (?:to|failed|required|not)|encountered an error|could not load|no proxy for|several matches|ambiguous|bad ?primary|invalidinsmtp|mail system full|no such file|out of memory|not configured|mail system error|remote protocol|technical (?:problem|difficult)',
];
