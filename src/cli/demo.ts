import { Command } from 'commander';

/** `efs demo`. */
export const demoCommand = (): Command =>
  new Command('demo').description('show the whole flow in one process');
