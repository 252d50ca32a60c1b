import { readFileSync } from 'node:fs';

/** Linux counts the CPU time of processes in hundredths of a second, whatever its own clock does. */
const TICKS_PER_SECOND = 100;
const UTIME = 11;
const STIME = 12;

/** CPU seconds that a process has used so far, user and system, all its threads. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the command, in parentheses, may contain any character.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME]) + Number(fields[STIME])) / TICKS_PER_SECOND;
}

/** CPU seconds that the whole machine has been busy so far, stolen time included. */
export function machineSeconds(): number {
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split(/\s+/)
    .map(Number);
  const busy = [user, nice, system, irq, softirq, steal].reduce<number>(
    (sum, ticks) => sum + (ticks ?? 0),
    0,
  );
  return busy / TICKS_PER_SECOND;
}

/** The peak resident memory of a process, in bytes. */
export const peakRss = (pid: number): number => statusBytes(pid, 'VmHWM');

/** The current resident memory of a process, in bytes. */
export const rssBytes = (pid: number): number => statusBytes(pid, 'VmRSS');

function statusBytes(pid: number, field: string): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )?.[1];
  return Number(kib) * 1024;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
