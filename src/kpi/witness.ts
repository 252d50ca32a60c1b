import { must } from '../base/assert';

/** The input partition a fenced sink speaks of: the number its name ends with (`kpi-7`, or just `7`). */
export function witnessPartition(name: string): number {
  const [digits] = must(/\d+$/.exec(name), `the name of a fenced sink ends with a partition number: ${name}`);
  return Number(digits);
}
