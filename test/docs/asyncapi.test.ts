import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { SCHEMAS, TOPIC_SCHEMAS } from '../../src/feedback/schemas';
import { ALL_TOPICS, DEAD_LETTER_TOPIC } from '../../src/feedback/topics';

interface Document {
  readonly channels: Readonly<
    Record<
      string,
      { readonly address: string; readonly messages: Readonly<Record<string, { readonly $ref: string }>> }
    >
  >;
  readonly operations: Readonly<
    Record<string, { readonly action: string; readonly channel: { readonly $ref: string } }>
  >;
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly payload: { readonly schema?: object } }>>;
  };
}

const text = readFileSync(join(__dirname, '..', '..', 'docs', 'asyncapi.json'), 'utf8');
const read = (): Document => JSON.parse(text) as Document;

/** The JSON schema that the AsyncAPI project publishes for version 3.0.0. */
const published = JSON.parse(
  readFileSync(require.resolve('@asyncapi/specs/schemas/3.0.0.json'), 'utf8'),
) as object;
// The schema includes JSON Schema's meta-schema; Ajv's would be a second one of the same name.
const validate = new Ajv({
  meta: false,
  validateSchema: false,
  strict: false,
  validateFormats: false,
}).compile(published);

describe('docs/asyncapi.json', () => {
  test('is a valid AsyncAPI 3.0 document', () => {
    expect([validate(read()), validate.errors]).toEqual([true, null]);
  });

  test.each<[string, (document: Record<string, never>) => unknown]>([
    ['another version', (document) => ({ ...document, asyncapi: '2.0.0' })],
    [
      'an operation that does neither',
      ({ operations, ...rest }) => ({ ...rest, operations: { x: { action: 'other' } } }),
    ],
    ['no title', (document) => ({ ...document, info: {} })],
  ])('would be invalid with %s', (_, spoil) => {
    expect(validate(spoil(read() as never))).toBe(false);
  });

  test('describes every topic and no other, each with an operation', () => {
    const { channels, operations } = read();
    expect(Object.keys(channels).sort()).toEqual([...ALL_TOPICS].sort());
    for (const [topic, { address }] of Object.entries(channels)) expect(address).toBe(`{prefix}${topic}`);
    const used = Object.values(operations).map(({ action, channel }) => [
      channel.$ref.split('/').at(-1),
      action,
    ]);
    const expected = ALL_TOPICS.map((topic) => [topic, topic.startsWith('mta.') ? 'receive' : 'send']);
    expect(used.sort()).toEqual(expected.sort());
  });

  test('gives each topic the schema that the registry gets', () => {
    const { channels, components } = read();
    for (const { topic, record } of TOPIC_SCHEMAS) {
      const [reference] = Object.values(channels[topic]?.messages ?? {});
      const name = reference?.$ref.split('/').at(-1) ?? '';
      expect([topic, components.messages[name]?.payload.schema]).toEqual([
        topic,
        JSON.parse(SCHEMAS[record].text),
      ]);
    }
    expect(TOPIC_SCHEMAS.map(({ topic }) => topic)).not.toContain(DEAD_LETTER_TOPIC);
  });
});
