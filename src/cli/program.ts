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

interface Entry {
  readonly summary: string;
  /** Loads the command: together they load most of what is installed. */
  load(): Promise<Command>;
}

/** By name, in the order of the help. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  setup: {
    summary: 'create the topics and register the schemas; safe to run again',
    load: async () => (await import('./setup.js')).setupCommand(),
  },
  doctor: {
    summary: 'check everything that a start needs, and print what is wrong and how to correct it',
    load: async () => (await import('./doctor.js')).doctorCommand(),
  },
  run: {
    summary: 'run the service: fold feedback and publish KPI changes',
    load: async () => (await import('./run.js')).runCommand(),
  },
  demo: {
    summary: 'run the whole flow in one process, on simulated campaigns: no server needed',
    load: async () => (await import('./demo.js')).demoCommand(),
  },
  simulate: {
    summary: 'produce realistic feedback into the input topics',
    load: async () => (await import('./simulate.js')).simulateCommand(),
  },
  ingest: {
    summary: 'turn what a mail transfer agent or provider writes into feedback',
    load: async () => (await import('./ingest.js')).ingestCommand(),
  },
  rebuild: {
    summary:
      'rebuild the state from the topics, beside the active one, and compare the two; exit code 3 where they differ',
    load: async () => (await import('./rebuild.js')).rebuildCommand(),
  },
  promote: {
    summary:
      'switch all workers to the state of another generation: a candidate, or one that was active before',
    load: async () => (await import('./promote.js')).promoteCommand(),
  },
  generations: {
    summary:
      'list the states in Redis by id, with size and lag; `published as` is the generation that its records carry',
    load: async () => (await import('./generations.js')).generationsCommand(),
  },
  kpis: {
    summary: 'follow the KPI changes of deliveries, one line per change, until Ctrl-C',
    load: async () => (await import('./kpis.js')).kpisCommand(),
  },
  delivery: {
    summary: 'show the KPIs of a delivery',
    load: async () => (await import('./delivery.js')).deliveryCommand(),
  },
  message: {
    summary: 'show the status of one message and everything known about it',
    load: async () => (await import('./message.js')).messageCommand(),
  },
  'dead-letters': {
    summary: 'show dead-lettered records, and put them back',
    load: async () => (await import('./dead-letters.js')).deadLettersCommand(),
  },
  config: {
    summary: 'check or print the settings',
    load: async () => (await import('./config.js')).configCommand(),
  },
  completion: {
    summary: 'print the script that completes `efs` in a shell',
    load: async () => (await import('./completion.js')).completionCommand(),
  },
};
/** It prints a script of all commands. */
const OF_ALL = 'completion';

const loaded = async ([, { summary, load }]: [string, Entry]): Promise<Command> =>
  (await load()).description(summary);

/** What the help shows of a command. */
const shown = ([name, { summary }]: [string, Entry]): Command => new Command(name).description(summary);

/**
 * The command line with the command of this name alone, or with all where that is `completion`. Where it names no command, all
 * are there for the help, and none is loaded.
 */
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
  const all = Object.entries(COMMANDS);
  const named = all.filter(([name]) => name === called);
  const commands =
    named.length === 0 ? all.map(shown) : await Promise.all((called === OF_ALL ? all : named).map(loaded));
  for (const command of commands) efs.addCommand(command);
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
