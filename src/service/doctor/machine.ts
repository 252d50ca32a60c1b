import type { EfsError } from '../../base/errors';
import { failed, type Finding, ok, problem, warning } from './finding';

/** What a worker finds on its own machine. */
export interface MachineFacts {
  /** As Node names it: `v20.19.0`. */
  readonly node: string;
  /** The least that the package takes: `>=20.19`. */
  readonly nodeWanted: string;
  /** Why codecs cannot be used here, by their names. */
  readonly brokenCodecs: ReadonlyMap<string, string>;
  readonly port: 'free' | 'worker' | EfsError;
  /** What is wrong with the access to page and API, or null. */
  readonly openAccess: { readonly problem: string; readonly remedy: string } | null;
}

export function checkMachine(facts: MachineFacts): readonly Finding[] {
  return [nodeFinding(facts), ...codecFindings(facts), portFinding(facts), accessFinding(facts)];
}

const numbersOf = (version: string): readonly number[] => (version.match(/\d+/g) ?? []).map(Number);

function nodeFinding({ node, nodeWanted }: MachineFacts): Finding {
  const [[major = 0, minor = 0], [leastMajor = 0, leastMinor = 0]] = [numbersOf(node), numbersOf(nodeWanted)];
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return ok('node', node);
  return problem('node', `this is Node ${node}`, `run the service with Node ${nodeWanted}`);
}

function codecFindings({ brokenCodecs }: MachineFacts): readonly Finding[] {
  if (brokenCodecs.size === 0) return [ok('codecs', 'gzip, snappy, lz4 and zstd are read and written')];
  return [...brokenCodecs].map(([codec, reason]) =>
    problem(
      'codecs',
      `${codec} cannot be read here: ${reason}`,
      'install the packages on this machine (`npm ci`): they bring a part for each platform',
    ),
  );
}

function portFinding({ port }: MachineFacts): Finding {
  if (port === 'free') return ok('http-port', 'it is free');
  if (port !== 'worker') return failed('http-port', port);
  return warning(
    'http-port',
    'a worker of this service listens on it',
    'give another worker another EFS_HTTP_PORT',
  );
}

const accessFinding = ({ openAccess }: MachineFacts): Finding =>
  openAccess === null
    ? ok('http-access', 'this machine only, or a token is asked for')
    : warning('http-access', openAccess.problem, openAccess.remedy);
