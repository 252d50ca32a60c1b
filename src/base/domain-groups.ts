/** Recipient domains that count as one in the KPIs. */
export interface DomainGroup {
  readonly name: string;
  /** Lower case, sorted. */
  readonly domains: readonly string[];
}

/** A group index fits one byte of a stored aggregate, beside `other` and "not known". */
const MAX_DOMAIN_GROUPS = 200;

const GROUP_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const DOMAIN = /^[^\s,;=/@\p{Cc}]{1,253}$/u;

function parseGroup(text: string): DomainGroup {
  const [name = '', domains = ''] = text.split('=').map((part) => part.trim());
  const list = domains.split(',').map((domain) => domain.trim().toLowerCase());
  return { name, domains: list.sort() };
}

/** What is wrong with the groups, each complaint once. */
function problemsOf(groups: readonly DomainGroup[]): string[] {
  const problems = new Set<string>();
  const seen = new Map<string, string>();
  const names = new Set<string>();
  if (groups.length > MAX_DOMAIN_GROUPS) problems.add(`names more than ${MAX_DOMAIN_GROUPS} groups`);
  for (const { name, domains } of groups) {
    if (!GROUP_NAME.test(name))
      problems.add(`has a group name that is not lower-case letters, digits and hyphens`);
    if (name === 'other') problems.add('names a group "other", which is what remains');
    if (names.has(name)) problems.add(`names the group "${name}" twice`);
    names.add(name);
    for (const domain of domains) {
      if (!DOMAIN.test(domain))
        problems.add(`has a group "${name}" with a domain that is empty or malformed`);
      else if (seen.has(domain)) problems.add(`has ${domain} in ${seen.get(domain)} and again in ${name}`);
      seen.set(domain, name);
    }
  }
  return [...problems];
}

/** The canonical text of domain groups: the same groups always give the same text. */
export function showDomainGroups(groups: readonly DomainGroup[]): string {
  if (groups.length === 0) return 'none';
  return groups.map(({ name, domains }) => `${name}=${domains.join(',')}`).join(';');
}

/** Reads `group=domain,domain;group=domain`, or `none`: the groups sorted by name, or what is wrong with them. */
export function parseDomainGroups(text: string): {
  groups: readonly DomainGroup[];
  problems: readonly string[];
} {
  if (text === 'none') return { groups: [], problems: [] };
  const parts = text.split(';').filter((part) => part.trim() !== '');
  const groups = parts.map(parseGroup).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { groups, problems: problemsOf(groups) };
}
