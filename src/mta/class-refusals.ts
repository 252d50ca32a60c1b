import { word, words } from './class-texts';

/** The receiving server is not one for that domain, or takes no mail from this client for others. */
export const RELAYING: readonly string[] = [
  'relay(?:ing)? (?:access |attempt |mail |to [^ ]{1,60} |from [^ ]{1,60} |for [^ ]{1,60} ){0,2}(?:is |was )?(?:denied|not (?:permitted|allowed|authori[sz]ed|supported)|prohibited|forbidden|disabled|rejected|refused)',
  "(?:unable|not (?:permitted|allowed|authori[sz]ed)|refuse[sd]?|cannot|can't|don't|do not|won't|will not|denied) (?:to )?relay|relay(?:ing)? (?:denied|prohibited|error)|no relay|not an? (?:open |mail )?relay(?! host)|(?:open|insecure) (?:mail )?relay",
  "rcpt ?hosts|credentials for relay|not (?:one of )?(?:our|my|a) local (?:hosts|domain)s?|not a local (?:domain|host)|(?:isn't|is not) (?:handled|hosted|served|local) (?:here|at|by)|non-?local (?:e-?mail )?(?:address|recipient)|not (?:a )?gateway",
  'weiterleitung (?:verweigert|nicht)|relais (?:interdit|refuse)|is currently not permitted to relay|authori[sz]ed relay',
];

/** The message, not the mailbox, is too large. */
export const TOO_LARGE: readonly string[] = [
  `(?:message|mail|body|e-?mail|content|attachment|data)s? ${words(4)}too (?:large|big|long)|too (?:large|big) (?:message|mail|for)|(?:message|e?-?mail|maximum|max|size|file) ${words(2)}(?:size|length) ${words(4)}(?:exceed|limit|too|over|maximum)|size ${words(4)}exceed|exceed(?:s|ed|ing)? ${words(7)}(?:size|length)\\b|exeeded the maximum size`,
  '(?:message|mail|email) (?:size|length) exceed|size limit|(?:maximum|max\\.?) (?:allowed )?(?:message|mail|e-?mail) size|databytes|file too big|maximum email size|message too big|recip(?:ient)?sizelimit|message length exceeds',
  'nachricht .{0,20}zu (?:gross|lang)|taille (?:limite|maximale)|trop (?:volumineux|gros)|demasiado grande|troppo grande|muito grande',
];

/** Viruses, and attachments that the receiver does not take. */
export const ATTACHMENT: readonly string[] = [
  `(?:contain|detect|found|infect|carr|possible|has|with|spam or|is) ?[^ ]{0,6} ?${words(3)}(?:virus|malware|trojan|worm)\\b|\\b(?:virus|malware|trojan|worm)(?:es)? ${words(3)}(?:detect|found|infect|reject|scan|content|message)|infected|virus/|spam/virus`,
  `(?:illegal|prohibited|banned|disallowed|blocked|forbidden|dangerous|executable|unsafe|restricted|potentially) ${words(3)}(?:attach|file|anhang|content type)|attach[^ ]{0,6} ${words(5)}(?:not (?:be )?(?:allowed|accept|permitted|supported)|blocked|prohibited|banned|rejected|forbidden|removed|exceed)|executable (?:files|attachment)|(?:mail|messages?) (?:with|containing) ${words(3)}(?:attachments|images)|unzulassig[^ ]{0,3} anhang|unerlaubt[^ ]{0,3} anhang`,
];

/** Lists and reputations: the client, its domain or its past, whatever the message is. */
export const LISTED: readonly string[] = [
  'spamhaus|spamcop|\\bsorbs\\b|dnsbl|\\brbl\\b|\\bdsbl\\b|uceprotect|senderbase|senderscore|sender ?score|cloudmark|\\bdrbl\\b|barracudacentral|barracuda ?networks|b\\.barracuda|rota dnsbl|\\bxbl\\b|\\bsbl\\b|\\bpbl\\b|trendmicro|\\bmaps\\b',
  '(?:black|block|deny|reject|ban) ?-?list|(?<!not )listed (?:at|by|in|on) |on (?:the|our|a) [^ ]{0,20} ?list\\b|reputation|spam(?:mer)? (?:source|ip|list)|spam list',
  `${word('ip|ips|host|client|connection|server|sender|domain|network|netblock|address range|mail server|relay')}(?: address)?:? ${words(5)}(?:is |was |are |has been |have been |been |temporarily |currently |permanently ){0,3}(?:blocked|banned|blacklisted|blocklisted|deferred due to|rate limited due)`,
  'user complaints|unexpected volume|(?:tss|bl|gl|ts|ph|rl|cs|hme|irb|hm)-?\\d{1,3}\\]|unsolicited mail originating|unusual rate|suspected (?:spam ip|bounce attacks)|spam(?:ming)? (?:issues|incidents?|activit)|(?:sent|sending|send) (?:too much |lots of )?spam|for (?:spamming|abuse)|due to (?:spam|abuse)',
  'open proxy|open relay host|which is an open relay|dynamic(?:ally)? (?:ip|assigned)|generic (?:dns|rdns|ptr)|(?:mail )?from (?:your|this) (?:ip|host|server|network|domain)|bloque[^ ]{0,2} (?:pour|par)|ip source bloquee|part of their network|on our block|s3150|s3140|(?:sc|dy|ou|co)-00\\d|ib1(?:0[3-6]|1\\d)\\b|(?:ofr|lpn)[a-z\\d]{0,6}[-_]?10[1-3]\\b',
  'looks suspiciously like spammer|blocked (?:using|by [^ ]{1,60}\\.(?:org|net|com)|for abuse)|support\\.proofpoint|use the smtp server of your isp|no access from mail server|connections? (?:not accepted|will not be accepted)|esmtp not accepting connections|your (?:e-?mail|mail) server .{0,30}block',
];

/** Who sends, how he proves it, how fast, and what the receiver has decided about it. */
export const SENDER: readonly string[] = [
  `sender(?:'s)?(?: e-?mail)?(?: address)?(?: <?@>?)? ${words(3)}(?:is |was |has been |been )?(?:rejected|denied|refused|invalid|unknown|not (?:allowed|accepted|authori[sz]ed|verified|found|exist|pre)|blocked|banned|blacklisted|fail|does not|verify|verification|could not|unverif)|sender (?:verify|verification|callout|id)|unrout[e]?able sender|(?:invalid|unknown|bad|bogus|illegal|unverified) (?:sender|mail from|envelope sender|return[- ]path|from\\b)`,
  `mail from:?(?: <?@>?)? ${words(3)}(?:rejected|not owned|denied|refused|not allowed|blocked|invalid)|domain of sender|sender(?:'s)? domain|sender address|emetteur invalide|envelope (?:sender|blocked|rejected)|from(?: address|: domain|: header| domain)? is (?:invalid|not)|unresolvable (?:rfc|from|sender)|expediteur|absender|return address|returned mail not accepted|null sender|empty (?:envelope )?sender|third-party dsns|bounces? (?:are )?not accept`,
];

export const AUTHENTICATION: readonly string[] = [
  `${word('spf|dkim|dmarc|dkim1|batv|senderid|sender id|arc')}|sender policy framework|domainkeys|spoof`,
  `reverse[- ]?dns|\\b(?:r?dns|ptr) record|\\brdns\\b|\\bptr\\b|reverse (?:lookup|resolution|mapping|address|hostname)|(?:cannot|can't|could not|unable to) (?:find your|resolve your|find your reverse)|(?:ip|hostname) (?:name )?lookup failed|unresolvable relay|no reverse|mismatches client ip|unverifyable|(?:helo|ehlo)\\b ${words(4)}(?:reject|invalid|denied|not|bad|require|refus|must|argument)|(?:bad|invalid|bogus|forged|empty) (?:helo|ehlo)|may not be mail exchanger|fully[- ]qualified`,
  "authentication (?:is )?(?:required|failed|failure|needed|turned|credentials|information|checks)|not (?:been )?authenticated|unauthenticated|authrequired|auth(?:entication)? requise|auth(?:entication)? (?:required|invalid)|authentification|must (?:be )?authenticate|don't authenticate|tls (?:is )?(?:required|not|negotiation|version)|must issue a starttls|requires? (?:encryption|tls|a tls|authentication)|certificate",
];

export const RATE: readonly string[] = [
  'rate[- ]?(?:limit|control)|ratelimit|throttl|too many (?:connections|concurrent|recipients|errors|mails|messages(?! on)|emails|sessions|smtp|unknown|invalid|bad|rcpt)|too (?:fast|quickly)|at a rate|frequency (?:limited|of)|frequency limit|trop de connexions|slow(?:er| down)',
  `(?:daily|hourly|relay|sending|message|recipient|connection|outbound|rate)s? (?:relay |sending |message |mail |recipient ){0,2}(?:quota|limit)|max(?:imum)? ${words(3)}(?:connections|messages per|emails per|recipients|mails per|sessions)|exceed(?:s|ed)? ${words(5)}(?:per[- ](?:hour|day|minute|connection|session|domain)|connections|rate|threshold|permitted limits)|excessive (?:volume|rate|number)|reached your|limit for .{0,30}(?:messages|receiving)|has exceeded their limit`,
];

/** What the recipient, a list or the organisation does not take. */
export const POLICY: readonly string[] = [
  'recipient preferences|(?:refused|rejected|blocked|declined) by (?:the |this )?(?:recipient|user|addressee|customer)|(?:user|recipient) (?:has )?(?:reject|refus|block|declin)|(?:they are|recipient is|user is|only) (?:not |only )?accept(?:s|ing)? (?:any )?mail (?:from|with)|refus[^ ]{0,3} to accept|banned recipient|restricted sms|id refuse|recipient has blocked|not accepting mail (?:from|with)|accept[^ ]{0,3} mail from (?:specific|approved|known)|allow(?:ed)? ?list|white ?list',
  "members?[- ](?:only|list)|not (?:a (?:subscri\\S{1,8}|member)|subscribed|allowed to post|permitted to post|authori[sz]ed to (?:post|send))|subscribers? only|non-?member|closed (?:mailing )?list|moderat(?:ed|or)|posting (?:to|is)|notauthori[sz]ed|(?:address|recipient|group|user|mailbox) is restricted|delivery to this address is restricted|(?:isn't|aren't|not) (?:allowed|permitted|authori[sz]ed) to send|do(?:es)? not have permission|you have been blocked|permission to send",
  "(?:for|due to|of|by|against|violat\\S{1,6}|violates|our|your|local|security|content|organi[sz]ation\\S{0,2}|administrat\\S{1,6}|recipient'?s?|domain'?s?|site|mail|message|e-?mail|anti-?spam|breaches [^ ]{1,20} [^ ]{1,20}) (?:[^ ]{1,20} )?polic(?:y|ies)|policy (?:violation|reasons?|reject|restriction|block|analysis|prohibit|based|issue)|administrative(?:ly)? (?:prohibit|den|reject|lock|block)|prohibited by administrator|organi[sz]ational settings|delivery not authori[sz]ed|not authori[sz]ed|go away|rejected by (?:organization|transport rule|an? administrator|the administrator|recipient)|captcha|rule imposed|geographic|country|not in whitelist|mass mailer|low priority|disclaimer|privacy|host network",
];

/** What the message says, and how it is made. */
export const CONTENT: readonly string[] = [
  `${word('spam|spammy|ube|uce|junk|unsolicited|phish|phishing|scam')} ${words(3)}(?:detect|content|message|mail|e-?mail|score|filter|check|reject|refus|block|not accept|found|point|pattern|url|probab|classif|rule|polic|-like|abuse|characteristics|signature|system|engine|control|exceed|threshold|assassin|bulk)|spamassassin|anti-?spam|spam-like|spam[- ]?score|spamprofiler`,
  `(?:identif|detect|classif|consider|rate|score|mark|tag|recogni|reject|refus|look|suspect|seem|probab|likely|appear|contain|think|thinks|treat|determin|deem|regard|block|denied|as|is|be|for|of|no|against|being|possible|known) ?[^ ]{0,6} ?${words(4)}(?:spam|junk|unsolicited|uce\\b|ube\\b|phish)|spam\\)|spam$|spam <|5\\.\\d\\.\\d spam`,
  'bulk (?:e-?mail|mail|advert)|recurrent pattern|message (?:content|text|body|was) (?:was |is )?(?:reject|den|refus|block|filter|unaccept)|(?:mail|message|email) content|content (?:reject|filter|restrict|judged|violat|of (?:this|the|your)|examin|not accept|scan|presents|policy|denied|contains)|(?:unacceptable|banned|prohibited|objectionable|inappropriate|malicious|harmful|dangerous|suspicious) (?:content|word|link|url|message|language)|message filtered|filtered by|reject, id=|uribl|surbl|(?:url|link|domain) in (?:the|your|this|my)? ?(?:message|mail|body)|our (?:mail )?filters?|content filter|keyword|(?:506|513)\\]|(?:ofr|ouk|lpn)[a-z\\d]{0,6}[-_](?:506|513)|ib212|message detected|mail rejete|thinks this|suspected',
  'header(?:s)? (?:error|are not|is not|size|value|field)|duplicate header|multiple .{0,20}(?:header|addresses)|rfc ?-?(?:\\d{3,4})? ?(?:compl|violat|2822|5322|822)|not rfc|8-?bit|\\bmime\\b|\\bbase64\\b|non-?compliant|malformed (?:message|header|mail)|missing .{0,25}(?:header|from|date|subject|message-id)|from: header|bare (?:lf|cr|line)|line too long|improperly-formatted|header name|invalid (?:header|message content|characters)',
];
