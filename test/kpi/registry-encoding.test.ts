import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import type { Feedback, FeedbackKind } from '../../src/feedback/feedback';
import { type RecordName, SCHEMAS } from '../../src/feedback/schemas';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { wireType } from '../../src/kpi/encode';
import { wireEncoder } from '../../src/feedback/encode';
import { VALID } from '../feedback/decode.builders';
import { expectEqual } from '../support/equal';

const NAMES = Object.keys(SCHEMAS) as RecordName[];
const idOf = (name: RecordName): number => 70_000 + NAMES.indexOf(name);
const VALUES = 50;

/** The registry client as other services use it, with a registry that has the service's schemas. */
const client = new SchemaRegistry({
  host: 'http://registry.invalid',
  middlewares: [
    () => ({
      async response(_next, _renew, request) {
        const name = NAMES.find((each) => request.path() === `/schemas/ids/${idOf(each)}`);
        return { data: () => ({ schema: name && SCHEMAS[name].text }) } as never;
      },
    }),
  ],
});

describe('the encoding of a record equals that of the registry client', () => {
  it.each(NAMES)('for %s as written by the service', async (name) => {
    const wire = wireType<unknown>(SCHEMAS[name], idOf(name));
    for (let index = 0; index < VALUES; index++) {
      const value: unknown = SCHEMAS[name].type.random();
      const bytes = wire.encode(value);
      expectEqual(bytes, await client.encode(idOf(name), value));
      expectEqual(await client.encode(idOf(name), await client.decode(bytes)), bytes);
    }
  });

  it.each(FEEDBACK_TOPICS.map(({ kind }) => kind))('for %s as written by simulations', async (kind) => {
    const ids = Object.fromEntries(FEEDBACK_TOPICS.map((each) => [each.kind, idOf(each.kind)]));
    const encode = wireEncoder(ids as Record<FeedbackKind, number>);
    const values = Array.from({ length: VALUES }, () => SCHEMAS[kind].type.random() as object);
    for (const value of [VALID[kind], ...values]) {
      const feedback = { kind, ...value } as unknown as Feedback;
      expectEqual(encode(feedback), await client.encode(idOf(kind), value));
    }
  });
});
