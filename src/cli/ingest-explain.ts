import { Command } from 'commander';
import { systemClock } from '../base/clock';
import { type Mapped, printable } from '../mta/feedback';
import type { Format } from '../mta/format';
import { FORMATS } from '../mta/formats';
import type { IdentityRule } from '../mta/identity';
import { reasonText } from '../mta/reason-text';
import { identityOf } from '../mta/settings';
import { indexedHere, readInputs, type Take } from './ingest-inputs';
import { addSourceFlags, formatArgument, type SourceFlags, sourceFrom } from './ingest-options';
import { addExample } from './options';
import { jsonLine, print, printLines, table } from './print';

const FRAMING: Record<Format['framing'], string> = {
  json: 'webhook',
  lines: 'log',
  rows: 'CSV log',
  mail: 'mails',
};

const kindOf = (format: Format): string =>
  format.framing === 'json' && format.isLog ? 'JSON log' : FRAMING[format.framing];

const textsOf = (rules: readonly IdentityRule[]): readonly string[] => rules.map(({ text }) => text);

/** The formats: what each is, and the rules that find the ids of a message in it. */
const formats = () =>
  FORMATS.map((format) => {
    const { deliveryId, messageId } = identityOf(format, null, null);
    return {
      ...{ format: format.name, isA: kindOf(format) },
      ...{ deliveryId: textsOf(deliveryId), messageId: textsOf(messageId) },
    };
  });

/** The formats, one line each. */
const formatLines = (rows: ReturnType<typeof formats>): string[] =>
  table(
    [
      ['format', 'is a', 'delivery id', 'message id'],
      ...rows.map(({ format, isA, deliveryId, messageId }) => [
        ...[format, isA],
        ...[deliveryId, messageId].map((rules) => rules.join(', ')),
      ]),
    ],
    'l',
  );

/** One event as a block of lines. */
export function explained(mapped: Mapped): string[] {
  switch (mapped.outcome) {
    case 'ignored':
      return [`${mapped.event}: ignored, known and no feedback`];
    case 'dead-letter':
      return [`dead letter, ${mapped.reason}: ${mapped.detail}`];
    case 'feedback': {
      const { feedback, from } = mapped;
      const { topic } = printable(mapped) as { topic: string };
      const rows = [
        ['delivery', `${feedback.deliveryId}  by ${from.identity.deliveryId}`],
        ['message', `${feedback.messageId}  by ${from.identity.messageId}`],
        ...('bounceClass' in feedback && feedback.bounceClass !== null
          ? [['class', `${feedback.bounceClass} ${reasonText(feedback)}  by ${from.class ?? 'nothing'}`]]
          : []),
        ['record', JSON.stringify(feedback)],
      ];
      return [`${from.event}: ${feedback.kind} to ${topic}`, ...table(rows, 'l').map((line) => `  ${line}`)];
    }
  }
}

/** A warning where one source names its messages by several rules: one message could become two. */
export function mixedRules(rules: ReadonlySet<string>): string[] {
  if (rules.size <= 1) return [];
  return [
    `warning: messages were named by ${[...rules].join(' and ')}: where events of one message differ in that, it is counted as several`,
  ];
}

async function explain(
  format: string,
  names: readonly string[],
  flags: SourceFlags & { readonly contentType?: string; readonly json?: true },
): Promise<void> {
  const source = sourceFrom(format, flags, systemClock);
  const rules = new Set<string>();
  const show: Take = (taken) => {
    for (const { mapped } of taken) {
      // The index names a message as the event did that it was told by.
      if (mapped.outcome === 'feedback' && mapped.from.identity.messageId !== 'index')
        rules.add(mapped.from.identity.messageId);
      printLines(flags.json ? [jsonLine(printable(mapped))] : explained(mapped));
    }
    return Promise.resolve();
  };
  await readInputs(source, names, flags.contentType ?? null, indexedHere(source, show));
  if (!flags.json) printLines(mixedRules(rules));
}

/** `efs ingest formats`. */
export const formatsCommand = (): Command =>
  addExample(
    new Command('formats')
      .description('list the formats, and where each has the ids of a message')
      .option('--json', 'print JSON')
      .action((options: { json?: true }) => print(formats(), options, formatLines)),
    'efs ingest formats',
  );

/** `efs ingest explain`. */
export const explainCommand = (): Command =>
  addExample(
    addSourceFlags(
      new Command('explain')
        .description('show for each event what it becomes, and which rule gave its ids and its class')
        .addArgument(formatArgument())
        .argument('[files...]', 'files to read; - or none is standard input')
        .option('--content-type <type>', 'of a webhook body, where its bytes do not tell')
        .option('--json', 'print each as a line of JSON, as --dry-run does')
        .action(explain),
    ),
    'efs ingest explain kumomta events.ndjson',
  );
