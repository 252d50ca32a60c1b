// Writes docs/asyncapi.json: the topics as an AsyncAPI 3.0 document, their records from schemas/. `--check` writes
// nothing and fails where the file is not up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const TARGET = join(ROOT, 'docs', 'asyncapi.json');
const { version, license, description } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const MESSAGE_KEY = { type: 'string', description: 'The messageId, UTF-8; placed by murmur2 of the key.' };
const DELIVERY_KEY = { type: 'string', description: 'The deliveryId, UTF-8; placed by murmur2 of the key.' };

/** Inputs are received by the service, outputs are sent by it. */
const TOPICS = [
  { name: 'mta.relayed', action: 'receive', file: 'relayed', key: MESSAGE_KEY },
  { name: 'mta.delivered', action: 'receive', file: 'delivered', key: MESSAGE_KEY },
  { name: 'mta.hard-bounced', action: 'receive', file: 'hard-bounced', key: MESSAGE_KEY },
  { name: 'mta.soft-bounced', action: 'receive', file: 'soft-bounced', key: MESSAGE_KEY },
  { name: 'mta.retry-outcome', action: 'receive', file: 'retry-outcome', key: MESSAGE_KEY },
  { name: 'mta.complained', action: 'receive', file: 'complained', key: MESSAGE_KEY },
  { name: 'efs.delivery-kpi', action: 'send', file: 'kpi-changed', key: DELIVERY_KEY },
  {
    name: 'efs.message-status',
    action: 'send',
    file: 'message-status-changed',
    key: { type: 'string', description: 'deliveryId and messageId with a slash between, UTF-8.' },
  },
  { name: 'efs.kpi-contributions', action: 'send', file: 'contribution', internal: true },
  {
    name: 'efs.retired-deliveries',
    action: 'send',
    file: 'contribution',
    internal: true,
    operation: 'sendRetired',
  },
  { name: 'efs.dead-letter', action: 'send' },
];
const COMPACTED = [
  'efs.delivery-kpi',
  'efs.message-status',
  'efs.kpi-contributions',
  'efs.retired-deliveries',
];

const schemaOf = (file) => JSON.parse(readFileSync(join(ROOT, 'schemas', `${file}.avsc`), 'utf8'));

const header = (text) => ({ type: 'string', description: text });

/** Whatever was set aside: its bytes are anything, its headers say why. */
const DEAD_LETTER = {
  name: 'DeadLetter',
  title: 'A record that was set aside',
  summary: 'Key, value, headers and stamp as they came; these headers are added behind its own.',
  headers: {
    type: 'object',
    required: ['efs.reason', 'efs.detail', 'efs.origin'],
    properties: {
      'efs.reason': header('Why; docs/records.md lists the reasons.'),
      'efs.detail': header('For a person; may quote the record.'),
      'efs.origin': header('topic/partition/offset.'),
      'efs.redriven-from': header('Where it was put back from, if it lies there a second time.'),
    },
  },
  payload: { description: 'Any bytes, or none.' },
};

function messageOf({ file, key, internal }) {
  if (file === undefined) return DEAD_LETTER;
  const schema = schemaOf(file);
  return {
    name: schema.name,
    title: `${schema.namespace}.${schema.name}`,
    ...(schema.doc === undefined ? {} : { summary: schema.doc }),
    contentType: 'application/vnd.apache.avro',
    payload: { schemaFormat: 'application/vnd.apache.avro;version=1.9.0', schema },
    bindings: {
      kafka: {
        ...(internal || key === undefined ? {} : { key }),
        schemaIdLocation: 'payload',
        schemaIdPayloadEncoding: 'confluent',
        schemaLookupStrategy: 'TopicIdStrategy',
        bindingVersion: '0.5.0',
      },
    },
  };
}

function documentOf() {
  const channels = {};
  const operations = {};
  const messages = {};
  for (const topic of TOPICS) {
    const message = messageOf(topic);
    messages[message.name] = message;
    channels[topic.name] = {
      address: `{prefix}${topic.name}`,
      ...(topic.internal ? { description: 'Internal; may change with any release.' } : {}),
      messages: { [message.name]: { $ref: `#/components/messages/${message.name}` } },
      parameters: { prefix: { $ref: '#/components/parameters/prefix' } },
      bindings: {
        kafka: {
          topicConfiguration: { 'cleanup.policy': [COMPACTED.includes(topic.name) ? 'compact' : 'delete'] },
          bindingVersion: '0.5.0',
        },
      },
    };
    operations[topic.operation ?? `${topic.action}${message.name}`] = {
      action: topic.action,
      channel: { $ref: `#/channels/${topic.name}` },
      messages: [{ $ref: `#/channels/${topic.name}/messages/${message.name}` }],
    };
  }
  return {
    asyncapi: '3.0.0',
    info: { title: 'Email Feedback Service', version, description, license: { name: license } },
    defaultContentType: 'application/vnd.apache.avro',
    channels,
    operations,
    components: {
      messages,
      parameters: { prefix: { description: 'EFS_TOPIC_PREFIX; empty by default.', default: '' } },
    },
  };
}

const text = `${JSON.stringify(documentOf(), null, 2)}\n`;
if (!process.argv.includes('--check')) {
  writeFileSync(TARGET, text);
} else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error('docs/asyncapi.json does not fit schemas/: run `npm run types`');
  process.exit(1);
}
