/** A text that tells the reason of a refusal. */
export interface TextClass {
  readonly bounceClass: number;
  readonly pattern: RegExp;
}

const texts = (bounceClass: number, pattern: RegExp): TextClass => ({ bounceClass, pattern });

/** Replies by their text, the most specific first; the first match wins. */
export const TEXT_CLASSES: readonly TextClass[] = [
  texts(25, /suppress(?:ed|ion)/iu),
  texts(60, /out of (?:the )?office|auto(?:matic)?[- ]?reply|vacation/iu),
  texts(
    22,
    /over ?quota|quota exceed|mailbox (?:is )?full|insufficient (?:system )?storage|out of storage/iu,
  ),
  texts(54, /relay(?:ing)? (?:access )?(?:denied|not (?:permitted|allowed))|not permitted to relay/iu),
  texts(53, /virus|malware|attachment/iu),
  texts(52, /spam (?:content|message)|content (?:rejected|filter)|looks like spam|identified as spam/iu),
  texts(51, /block ?list|black ?list|spamhaus|barracuda|listed (?:at|by|in|on)|\bblocked\b/iu),
  texts(
    50,
    /\b(?:spf|dkim|dmarc|rdns|ptr)\b|reverse dns|rate limit|too many (?:connections|messages)|policy/iu,
  ),
  texts(23, /too (?:large|big)|size (?:limit )?exceed|exceeds .{0,40}size/iu),
  texts(
    10,
    /no such (?:user|mailbox|recipient|address|person)|(?:user|recipient|mailbox|address|account) (?:\S+ )?(?:is )?(?:unknown|not found|disabled|unavailable|does(?: not|n't) exist|invalid)|unknown (?:user|recipient|local part|mailbox)|invalid (?:recipient|mailbox|user)/iu,
  ),
  texts(
    21,
    /(?:host|domain) (?:\S+ )?(?:not found|does(?: not|n't) exist|unknown)|no mx|null ?mx|name service error/iu,
  ),
  texts(24, /max(?:imum)? time|expired|timed? ?out waiting|too long in (?:the )?queue/iu),
  texts(
    20,
    /connect(?:ion)? (?:\S+ ){0,3}(?:failed|refused|timed out|lost|reset)|timed out|unreachable|no route/iu,
  ),
];

/** Enhanced status codes (RFC 3463) without their first digit; `x` stands for every detail that has no row. */
export const STATUS_CLASSES: ReadonlyMap<string, number> = new Map([
  ...['1.1', '1.3', '1.6', '2.1'].map((status) => [status, 10] as const),
  ...['1.2', '1.10', '4.4'].map((status) => [status, 21] as const),
  ['2.2', 22],
  ...['2.3', '3.4'].map((status) => [status, 23] as const),
  ['4.7', 24],
  ...['4.1', '4.2', '4.3', '3.2'].map((status) => [status, 20] as const),
  ['7.1', 51],
  ['7.x', 50],
  ...['3.x', '5.x', '6.x'].map((status) => [status, 40] as const),
]);
