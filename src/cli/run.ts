import { Command } from 'commander';

/** `efs run`. */
export const runCommand = (): Command => new Command('run').description('run the service');
