import { type SettingName, SETTINGS, variableOf } from './table';

/** The variable that names a settings file. It is no setting: a file cannot name another. */
export const FILE_VARIABLE = 'EFS_CONFIG';

/** The variables of all settings, with those that name a file for a secret. */
export const VARIABLES: readonly string[] = Object.entries(SETTINGS).flatMap(([name, { secret }]) => {
  const variable = variableOf(name as SettingName);
  return secret ? [variable, `${variable}_FILE`] : [variable];
});

/** `EFS_KAFKA_BROKERS` → `kafka-brokers`: the name of its flag, and its key in a settings file. */
export const keyOf = (variable: string): string =>
  variable.slice('EFS_'.length).toLowerCase().replaceAll('_', '-');

/** Longest part of an unknown name that is compared and shown: comparing takes time for each pair of characters. */
export const NAME_LENGTH_MAX = 100;

/** Least number of single-character edits between two texts. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const edited = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(edited, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The one of `known` that differs least from `name`. */
export function nearestOf(name: string, known: readonly string[]): string {
  let [nearest = ''] = known;
  let least = Infinity;
  for (const other of known) {
    const edits = distance(name, other);
    if (edits >= least) continue;
    least = edits;
    nearest = other;
  }
  return nearest;
}
