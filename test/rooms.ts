/** The rooms that the composition joins. */
const COMPOSED = [
  ...['settings', 'log', 'kafka', 'avro', 'feedback', 'status', 'kpi', 'store', 'pipeline', 'tasks'],
  ...['generations', 'service', 'queries', 'http', 'simulation', 'mta', 'ingest', 'tracing'],
];

/** The rooms of src. A room may import itself, `base`, and the rooms listed for it. */
export const ROOMS: Record<string, readonly string[]> = {
  base: [],
  tracing: [], // spans, for the tracing tool of one's own
  settings: [],
  log: [],
  kafka: ['log'],
  avro: [],
  feedback: ['log', 'avro'],
  status: ['feedback'],
  kpi: ['log', 'avro', 'feedback', 'status'],
  store: ['log', 'feedback', 'status', 'kpi'],
  pipeline: ['log', 'avro', 'feedback', 'status', 'kpi', 'store'],
  tasks: ['log', 'avro', 'feedback', 'status', 'kpi', 'store', 'pipeline', 'tracing'],
  generations: ['log', 'avro', 'feedback', 'status', 'kpi', 'store', 'pipeline', 'tasks'],
  service: ['log', 'avro', 'feedback', 'status', 'kpi', 'store', 'pipeline', 'tasks', 'generations'],
  queries: ['log', 'avro', 'feedback', 'status', 'kpi', 'store'], // the read model: beside pipeline and service
  http: ['log', 'feedback', 'status', 'kpi', 'store', 'queries'],
  simulation: ['log', 'avro', 'feedback'], // a mail transfer agent of our own
  mta: ['feedback'], // mail transfer agents of others
  // The door for them: on the service's own HTTP server.
  ingest: ['log', 'feedback', 'mta', 'http', 'queries', 'tracing'],
  // The composition, for the command line and for the library alike.
  app: COMPOSED,
  cli: [...COMPOSED, 'app'],
  index: ['app', 'feedback', 'kpi', 'queries'],
};

/** Rooms that compose the others: they alone import technologies by name. */
export const COMPOSING = ['app', 'cli', 'index'];

/** What may import a package: rooms, last names of files (their technology), or one file with its reason. */
export const MAY_IMPORT: Record<string, readonly string[]> = {
  kafkajs: ['kafka'],
  snappy: ['kafka/codecs.kafka'],
  'lz4-napi': ['kafka/codecs.kafka'],
  '@foxglove/wasm-zstd': ['kafka/codecs.kafka'],
  'node:zlib': ['kafka/codecs.kafka', 'ingest/inflate'],
  'node:util': ['ingest/inflate'],
  ioredis: ['.redis'],
  fastify: ['.http'],
  '@kafkajs/confluent-schema-registry': ['.confluent'],
  // The client's own requests are neither bounded nor verified.
  'node:http': ['.http', 'avro/exchange.confluent'],
  'node:https': ['.http', 'avro/exchange.confluent'],
  'prom-client': ['http', 'service', ...COMPOSING],
  '@opentelemetry/api': ['tracing'],
  commander: COMPOSING,
  pino: ['base'],
  'pino-pretty': ['base'],
  zod: ['settings', '.http', 'ingest/sources-file', 'ingest/auth-settings'],
  yaml: ['ingest/sources-file', 'settings/settings-file'],
  'postal-mime': ['mta/mail'],
  'csv-parse': ['ingest/row'],
  avsc: ['avro', 'feedback', 'kpi', 'simulation', 'pipeline'],
  // Avro schemas are the package's own files, read once.
  'node:fs': ['settings', ...COMPOSING, '.redis', '.http', 'feedback/schemas', 'ingest/files'],
  'node:fs/promises': [...COMPOSING, 'ingest'],
  'node:stream': ['.http', ...COMPOSING],
  'node:os': ['base', ...COMPOSING],
  'node:tty': ['base', ...COMPOSING],
  'node:worker_threads': ['base', ...COMPOSING],
  'node:readline': COMPOSING,
  'node:tls': [...COMPOSING, '.http'],
  'aws-msk-iam-sasl-signer-js': ['app/aws-msk-iam', 'app/msk-signer.d'],
  'node:v8': COMPOSING,
  'node:crypto': Object.keys(ROOMS),
  'node:events': Object.keys(ROOMS),
  // Only to distinguish an address from a name.
  'node:net': ['http/access'],
  'node:path': Object.keys(ROOMS),
  'node:url': Object.keys(ROOMS),
};
