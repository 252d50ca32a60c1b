import { Command } from 'commander';
import { completionCommand } from './completion';
import { configCommand } from './config';
import { deadLettersCommand } from './dead-letters';
import { deliveryCommand } from './delivery';
import { demoCommand } from './demo';
import { doctorCommand } from './doctor';
import { EXIT, failureOf } from '../app/failure';
import { generationsCommand } from './generations';
import { ingestCommand } from './ingest';
import { kpisCommand } from './kpis';
import { messageCommand } from './message';
import { promoteCommand } from './promote';
import { rebuildCommand } from './rebuild';
import { runCommand } from './run';
import { setupCommand } from './setup';
import { simulateCommand } from './simulate';
import { flushSpans } from '../tracing/span';
import { version } from '../app/version';

/** Makes a command and its subcommands throw instead of ending the process. */
function throwing(command: Command): Command {
  command.exitOverride();
  for (const each of command.commands) throwing(each);
  return command;
}

const COMMANDS = [
  setupCommand,
  doctorCommand,
  runCommand,
  demoCommand,
  simulateCommand,
  ingestCommand,
  rebuildCommand,
  promoteCommand,
  generationsCommand,
  kpisCommand,
  deliveryCommand,
  messageCommand,
  deadLettersCommand,
  configCommand,
  completionCommand,
];

/** The whole command line. */
export function program(): Command {
  const efs = new Command('efs')
    .description(
      'Email Feedback Service: turns the feedback of a mail transfer agent into live delivery KPIs',
    )
    .version(version)
    // Options belong to the command they stand behind: `efs ingest` and its subcommands share names.
    .enablePositionalOptions()
    .helpCommand(false)
    .addHelpText('after', '\nExample:\n  $ efs demo\n');
  for (const command of COMMANDS) efs.addCommand(command());
  return throwing(efs);
}

/** Runs the command line of this process, and ends the process with its exit code where it fails. */
export async function main(): Promise<void> {
  try {
    await program().parseAsync(process.argv);
    await flushSpans();
  } catch (error) {
    const { text, exitCode } = failureOf(error, process.env['EFS_LOG_LEVEL'] === 'debug');
    process.stderr.write(text);
    await flushSpans();
    // Not by `exitCode`: connections that a failed command left open would keep the process running.
    if (exitCode !== EXIT.OK) process.exit(exitCode);
  }
}
