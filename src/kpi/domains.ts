import { assert, must } from '../base/assert';
import { type DomainGroup, showDomainGroups } from '../base/domain-groups';

/** The group of all domains that are in no other group. */
export const OTHER = 'other';

/** The groups of a generation. An index is a group's place in the list of names, `other` included, sorted by name. */
export interface DomainGroups {
  /** A group's index by recipient domain, case-insensitive. */
  indexOf(domain: string): number;
  nameOf(index: number): string;
  /** A domain of the group. */
  domainOf(index: number): string;
  /** All names, sorted. */
  readonly names: readonly string[];
  /** Canonical text: equal for equal groups, whatever their notation. */
  readonly fingerprint: string;
}

const GROUPS_MAX = 256;
/** In no group and never registered: RFC 6761 reserves the name. */
const DOMAIN_OF_OTHER = 'invalid';

/** Builds the look-up of groups as the settings give them: sorted, in lower case, none named `other`, none overlapping. */
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
    domainOf: (index) => groups.find(({ name }) => name === names[index])?.domains[0] ?? DOMAIN_OF_OTHER,
    names,
    fingerprint: showDomainGroups(groups),
  };
}

/** Code-unit order: the same on every machine, whatever its locale. */
export function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
