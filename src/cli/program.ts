import { Command } from 'commander';
import { EXIT, failureOf } from '../app/failure';
import { flushSpans } from '../tracing/span';
import { version } from '../app/version';

/** Makes a command and its subcommands throw instead of ending the process. */
function throwing(command: Command): Command {
  command.exitOverride();
  for (const each of command.commands) throwing(each);
  return command;
}

/** By name, in the order of the help. Each is loaded where it is needed: together they load most of what is installed. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  setup: async () => (await import('./setup.js')).setupCommand(),
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
  run: async () => (await import('./run.js')).runCommand(),
  demo: async () => (await import('./demo.js')).demoCommand(),
  simulate: async () => (await import('./simulate.js')).simulateCommand(),
  ingest: async () => (await import('./ingest.js')).ingestCommand(),
  rebuild: async () => (await import('./rebuild.js')).rebuildCommand(),
  promote: async () => (await import('./promote.js')).promoteCommand(),
  generations: async () => (await import('./generations.js')).generationsCommand(),
  kpis: async () => (await import('./kpis.js')).kpisCommand(),
  delivery: async () => (await import('./delivery.js')).deliveryCommand(),
  message: async () => (await import('./message.js')).messageCommand(),
  'dead-letters': async () => (await import('./dead-letters.js')).deadLettersCommand(),
  config: async () => (await import('./config.js')).configCommand(),
  completion: async () => (await import('./completion.js')).completionCommand(),
};
/** It prints a script of all commands. */
const OF_ALL = 'completion';

/** The command line: with the command of this name alone, or with all where it names no command. */
export async function program(called?: string): Promise<Command> {
  const efs = new Command('efs')
    .description(
      'Email Feedback Service: turns the feedback of a mail transfer agent into live delivery KPIs',
    )
    .version(version)
    // Options belong to the command they stand behind: `efs ingest` and its subcommands share names.
    .enablePositionalOptions()
    .helpCommand(false)
    .addHelpText('after', '\nExample:\n  $ efs demo\n');
  const isOne = (name: string): boolean => name === called && name !== OF_ALL;
  const all = Object.entries(COMMANDS);
  const wanted = all.some(([name]) => isOne(name)) ? all.filter(([name]) => isOne(name)) : all;
  const loaded = await Promise.all(wanted.map(([, load]) => load()));
  for (const command of loaded) efs.addCommand(command);
  return throwing(efs);
}

/** Runs the command line of this process, and ends the process with its exit code where it fails. */
export async function main(): Promise<void> {
  try {
    const efs = await program(process.argv[2]);
    await efs.parseAsync(process.argv);
    await flushSpans();
  } catch (error) {
    const { text, exitCode } = failureOf(error, process.env['EFS_LOG_LEVEL'] === 'debug');
    process.stderr.write(text);
    await flushSpans();
    // Not by `exitCode`: connections that a failed command left open would keep the process running.
    if (exitCode !== EXIT.OK) process.exit(exitCode);
  }
}
