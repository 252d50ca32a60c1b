import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { sinkOf, kafkaOf } from '../app/connect';
import type { Clock } from '../base/clock';
import { systemClock } from '../base/clock';
import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { SECOND_MS } from '../base/time';
import { kafkaReader } from '../kafka/reader.kafka';
import type { Config } from '../settings/table';
import type { Destination } from '../simulation/sources/send';
import type { SimulatedSource } from '../simulation/sources/source';

const FILE_EVENTS_MAX = 1_000;
const KAFKA_EVENTS_MAX = 1_000;

/** A request that is not answered in time counts as failed; a sender asks again as long as this, as real ones do. */
const ANSWER_TIMEOUT_MS = 15 * SECOND_MS;
const RETRY_MS = SECOND_MS;
const ATTEMPTS_MAX = 300;

const inFile = ({ framing }: SimulatedSource, events: readonly string[]): string =>
  events.map(framing.inFile).join('');

/** Standard output. */
export function toStdout(source: SimulatedSource): Destination {
  const out = process.stdout;
  const write = async (text: string): Promise<void> => {
    if (!out.write(text)) await once(out, 'drain');
  };
  let head = source.framing.head;
  return {
    eventsMax: FILE_EVENTS_MAX,
    async send(events) {
      await write(head + inFile(source, events));
      head = '';
    },
    close: async () => undefined,
  };
}

/** A file, which is replaced. Throws `config-invalid` where it cannot be written. */
export async function toFile(source: SimulatedSource, path: string): Promise<Destination> {
  const file = await open(path, 'w').catch((error: NodeJS.ErrnoException) => {
    throw new EfsError('config-invalid', `--to: cannot write ${path} (${error.code ?? error.message})`);
  });
  await file.write(source.framing.head);
  return {
    eventsMax: FILE_EVENTS_MAX,
    send: async (events) => void (await file.write(inFile(source, events))),
    close: () => file.close(),
  };
}

/** What a token may consist of (RFC 6750). */
const TOKEN = /^[\w.~+/=-]+$/u;

/** A token as such, anything else as the password of basic authentication, with a user where it names one. */
function authorization(secret: string | null): Record<string, string> {
  if (secret === null) return {};
  if (TOKEN.test(secret)) return { authorization: `Bearer ${secret}` };
  const pair = secret.includes(':') ? secret : `efs:${secret}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** The status of an answer and how long to wait before asking again; null where there was no answer. */
async function post(url: string, headers: Record<string, string>, body: string): Promise<Response | null> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  try {
    const answer = await fetch(url, { method: 'POST', headers, body, signal });
    await answer.arrayBuffer();
    return answer;
  } catch {
    return null;
  }
}

const isForLater = (answer: Response | null): boolean =>
  answer === null || answer.status === 429 || answer.status >= 500;

/** Requests to a door of `efs ingest serve`. A request is sent again, unchanged, until it is answered with success. */
export function toHttp(
  source: SimulatedSource,
  url: string,
  secret: string | null,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Destination {
  const { body, contentType, eventsMax } = source.framing;
  const headers = { 'content-type': contentType, ...authorization(secret) };
  const send = async (events: readonly string[]): Promise<void> => {
    const text = body(events);
    for (let attempt = 1; !signal.aborted; attempt++) {
      const answer = await post(url, headers, text);
      if (answer?.ok === true) return;
      if (!isForLater(answer) || attempt === ATTEMPTS_MAX)
        throw new EfsError('config-invalid', `--to: ${url} answers ${answer?.status ?? 'nothing'}`);
      await clock.sleep(RETRY_MS, signal);
    }
  };
  return { eventsMax: eventsMax ?? 1, send, close: async () => undefined };
}

/** A topic of Kafka: an event a record, without key, over all partitions. Throws `topic-missing`, `kafka-unavailable`. */
export async function toKafka(topic: string, config: Config, log: Log): Promise<Destination> {
  const kafka = kafkaOf(config, log);
  // The topic is another system's, so it has no prefix of ours.
  const sink = sinkOf({ ...config, topicPrefix: '' }, kafka);
  const reader = kafkaReader(kafka, systemClock, config);
  const close = async (): Promise<void> => void (await Promise.all([sink.close(), reader.close()]));
  const partitions = await reader.partitions(topic).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  let next = 0;
  return {
    eventsMax: KAFKA_EVENTS_MAX,
    send: (events) =>
      sink.emit(
        events.map((event) => ({
          ...{ topic, partition: next++ % partitions, key: null, value: Buffer.from(event) },
        })),
      ),
    close,
  };
}
