import { readFileSync } from 'node:fs';
import { EfsError } from '../base/errors';
import { ingestSource } from '../ingest/configure';
import { type Configured, type ConfiguredSource, sourceOfSettings, sourcesIn } from '../ingest/sources-file';
import type { IngestSource } from '../ingest/source';
import { readText } from '../settings/files';
import type { Config } from '../settings/table';

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EfsError(
      'config-invalid',
      `EFS_INGEST_CONFIG: ${path} cannot be read (${(cause as Error).message})`,
      {
        cause,
      },
    );
  }
}

const nothing =
  'EFS_INGEST_CONFIG, EFS_INGEST_FORMAT: neither is set; name a file of sources, or the format of the one source';
const both =
  'EFS_INGEST_CONFIG, EFS_INGEST_FORMAT: both are set; keep the file, or the settings of the one source';

function configured(config: Config, variables: NodeJS.ProcessEnv): Configured {
  const { ingestConfig: path, ingestFormat: format } = config;
  if (path !== '' && format !== '') return { errors: [both] };
  if (path !== '') return sourcesIn(textOf(path), { variables, secretIn: (file) => readText(file).trim() });
  if (format === '') return { errors: [nothing] };
  return sourceOfSettings({
    format,
    name: config.ingestSource,
    deliveryId: config.ingestDeliveryId,
    messageId: config.ingestMessageId,
    secret: config.ingestSecret.text,
    renewSecret: renewedText(config.ingestSecret.path),
  });
}

/** Reads a secret's file again; it throws where that is empty, which would ask senders for nothing. */
function renewedText(path: string | null): (() => string) | null {
  if (path === null) return null;
  return () => {
    const text = readText(path).trim();
    if (text === '') throw new Error(`${path} is empty`);
    return text;
  };
}

/** The sources that the settings name, in a file or alone. Throws `config-invalid` with everything that is wrong. */
export function sourcesOf(config: Config, variables: NodeJS.ProcessEnv): readonly ConfiguredSource[] {
  const made = configured(config, variables);
  if ('ok' in made) return made.ok;
  throw new EfsError('config-invalid', made.errors.join('\n'));
}

/** The source as it was configured. `now` in milliseconds since 1970. */
export const openSource = ({ given }: ConfiguredSource, now: number): IngestSource =>
  ingestSource(given, now);
