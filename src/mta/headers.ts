const TEXT_MAX = 65_536;

/** The headers at the beginning of a mail's source: by name in lower case, unfolded; of several with one name the first. */
export function headersOf(source: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  let last: string | null = null;
  for (const line of source.slice(0, TEXT_MAX).split(/\r?\n/u)) {
    if (line === '') break;
    if (last !== null && /^[ \t]/u.test(line)) {
      headers.set(last, `${headers.get(last) ?? ''} ${line.trim()}`.trim());
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
    last = name === '' || headers.has(name) ? null : name;
    if (last !== null) headers.set(last, line.slice(colon + 1).trim());
  }
  return headers;
}
