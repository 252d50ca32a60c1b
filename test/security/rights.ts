import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from 'kafkajs';

/** The section "Access rights" of docs/operations.md. */
const [, RIGHTS = ''] = readFileSync(join(__dirname, '..', '..', 'docs', 'operations.md'), 'utf8').split(
  '\n## Access rights\n',
);

/** The rules of the Redis user, after the password. */
export function redisRules(): string {
  return /^ACL SETUSER efs on >PASSWORD (.*)$/m.exec(RIGHTS)?.[1] ?? '';
}

/** The line of a sentinel's configuration that makes its user, as documented. */
export function sentinelUser(password: string): string {
  const rules = /^ACL SETUSER efs-sentinel on >PASSWORD (.*)$/m.exec(RIGHTS)?.[1] ?? '';
  return `user efs-sentinel on >${password} ${rules}`;
}

const RESOURCES: Record<string, AclResourceTypes> = {
  topic: AclResourceTypes.TOPIC,
  group: AclResourceTypes.GROUP,
  'transactional id': AclResourceTypes.TRANSACTIONAL_ID,
};

const OPERATIONS: Record<string, AclOperationTypes> = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Describe: AclOperationTypes.DESCRIBE,
};

/** The entries that the table gives a worker: every row but those for other purposes only. */
export function workerAcls(principal: string) {
  const rows = RIGHTS.split('\n').filter((line) => line.startsWith('| ') && !/^\| (resource|-)/.test(line));
  return rows.flatMap((row) => {
    const [resources = '', operations = '', purpose = ''] = row
      .split('|')
      .slice(1)
      .map((cell) => cell.trim());
    const kind = Object.keys(RESOURCES).find((name) => resources.startsWith(name));
    if (kind === undefined || /only|producers|redrive/.test(purpose)) return [];
    const names = [...resources.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    return names.flatMap((name) =>
      operations.split(', ').map((operation) => ({
        resourceType: RESOURCES[kind] ?? AclResourceTypes.UNKNOWN,
        resourceName: name.replace(/\*$/, ''),
        resourcePatternType: name.endsWith('*')
          ? ResourcePatternTypes.PREFIXED
          : ResourcePatternTypes.LITERAL,
        principal,
        host: '*',
        operation: OPERATIONS[operation] ?? AclOperationTypes.UNKNOWN,
        permissionType: AclPermissionTypes.ALLOW,
      })),
    );
  });
}
