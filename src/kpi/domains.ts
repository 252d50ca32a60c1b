import { assert, must } from '../base/assert';

/** A configured group of recipient domains, all in lower case. */
export interface DomainGroup {
  readonly name: string;
  readonly domains: readonly string[];
}

/** Everything that is in no group. */
export const OTHER = 'other';

/** The groups of a generation. An index is a group's place in the list of names, `other` included, sorted by name. */
export interface DomainGroups {
  /** A group's index by recipient domain, in any case. */
  indexOf(domain: string): number;
  nameOf(index: number): string;
  /** Canonical text: equal for equal groups, however they were written. */
  readonly fingerprint: string;
}

const GROUPS_MAX = 256;

/** Builds the look-up. Names are unique and none is `other`; no domain is in two groups. */
export function domainGroups(groups: readonly DomainGroup[]): DomainGroups {
  const names = [...groups.map((group) => group.name), OTHER].sort(byCodeUnits);
  assert(new Set(names).size === names.length, 'the names of domain groups are unique');
  assert(names.length <= GROUPS_MAX, `there are at most ${GROUPS_MAX - 1} domain groups`);
  const other = names.indexOf(OTHER);
  const indices = new Map<string, number>();
  for (const { name, domains } of groups) {
    for (const domain of domains) indices.set(domain.toLowerCase(), names.indexOf(name));
  }
  return {
    indexOf: (domain) => indices.get(domain) ?? indices.get(domain.toLowerCase()) ?? other,
    nameOf: (index) => must(names[index], `no domain group has the index ${index}`),
    fingerprint: canonical(groups),
  };
}

function canonical(groups: readonly DomainGroup[]): string {
  return [...groups]
    .sort((a, b) => byCodeUnits(a.name, b.name))
    .map(({ name, domains }) => `${name}=${domains.map((domain) => domain.toLowerCase()).sort(byCodeUnits).join(',')}`)
    .join(';');
}

/** Code-unit order: the same on every machine, whatever its locale. */
function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
