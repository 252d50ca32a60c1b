import { parseArgs } from 'node:util';
import { assert } from '../src/base/assert';
import { REDIS_TOPOLOGIES } from '../test/fire/shards';
import { benchApi } from './api';
import { benchFailover } from './failover';
import { benchIngest } from './ingest';
import { benchLatency } from './latency';
import { benchMemory } from './memory';
import { benchPath } from './path';
import { benchPeers } from './peers';
import { benchRebuild } from './rebuild';
import { benchPage } from './page';
import { benchScale } from './scale';
import { benchStart } from './start';
import { benchStore } from './store';
import { benchStream } from './stream';
import { benchThroughput } from './throughput';

const USAGE = `npm run bench -- [throughput | peers | scale | path | rebuild | latency | start | memory | store | page | api | stream | failover | ingest] [options]
  throughput   from full topics and an empty Redis to everything drained (default)
    --records <n>    feedback records in the topics (1000000)
    --repeat <n>     runs, each on new topics; medians are shown (1)
    --profile        the service's CPU by function; costs some speed
    --compression <codec>  repeats every run with inputs in gzip, snappy, lz4 or zstd (off)
  peers        the cost of other programs for a similar task, on the same topics and servers; options of throughput
  scale        the same feedback drained by several workers that share its partitions
    --records <n>    feedback records in the topics (1000000)
    --workers <list> numbers of workers (1,2,4)
    --repeat <n>     runs of each; medians are shown (1)
  path         the status pipeline from the bytes of a fetch to the commit, without Kafka: CPU of node and Redis
    --messages <n>   (1000000)
    --passes <n>     medians of so many, after one to warm up (5)
  rebuild      a rebuild against the live path; then beside live traffic, killed twice, compared, promoted
    --records <n>    feedback records in the topics (1000000)
    --rate <n>       live records per second (5000)
    --max-rate <n>   of the rebuild (20000)
    --seconds <n>    how long live traffic is measured (150); 0 for not at all
  latency      from producing a record to a KPI change that covers it, at a steady rate
    --rate <n>       records per second (5000)
    --seconds <n>    for how long (30)
  start        from the start of efs run to the first records committed, where the state is present
    --repeat <n>     starts; medians are shown (1)
  page         the overview in Chromium at a steady rate of changes: change to pixels, CPU, memory
    --page-rate <n>  changes per second, over 200 deliveries (1000)
    --seconds <n>    for how long (600)
  api          the read API on a delivery of a million messages at half load
    --messages <n>   of that delivery (1000000)
    --rate <n>       records per second meanwhile (20000)
    --seconds <n>    for how long (60)
  stream       the cost of readers of the live stream for the pipeline, and the time until they read a change
    --rate <n>       records per second (5000)
    --readers <n>    at once (1000), a twentieth of them slow, a fiftieth stopped
    --seconds <n>    for how long (90)
  failover     three brokers and a Redis with replicas, each killed once under load; all published records are recounted
    --runs <n>       each on new topics (1); ends with 1 unless all of them equal the recount
    --seed <n>       of the feedback and of the order of kills (1)
    --rate <n>       records per second (3300)
    --redis <how>    ${REDIS_TOPOLOGIES.join(', ')} (cluster)
    --rolling        restarts the brokers one after the other instead
  ingest       events of mail transfer agents per second of one core, from their bytes to those of records; answers of the door
    --messages <n>   of each source (20000)
    --passes <n>     medians of so many, after one to warm up (5)
  memory       bytes of Redis per message
    --messages <n>   (1000000)
    --buckets <list> hashes per delivery and partition (1,64)
  store        CPU of the store alone by number of hashes, and bytes by bucket count; the same options as memory`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    records: { type: 'string', default: '1000000' },
    repeat: { type: 'string', default: '1' },
    passes: { type: 'string', default: '5' },
    workers: { type: 'string', default: '1,2,4' },
    profile: { type: 'boolean', default: false },
    compression: { type: 'string', default: 'off' },
    rate: { type: 'string' },
    seconds: { type: 'string' },
    readers: { type: 'string', default: '1000' },
    'page-rate': { type: 'string', default: '1000' },
    'max-rate': { type: 'string', default: '20000' },
    messages: { type: 'string' },
    buckets: { type: 'string', default: '1,64' },
    runs: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    redis: { type: 'string', default: 'cluster' },
    rolling: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const [what = 'throughput'] = positionals;
  switch (values.help ? 'help' : what) {
    case 'throughput':
      return benchThroughput({
        records: Number(values.records),
        repeat: Number(values.repeat),
        profile: values.profile,
        compression: values.compression,
      });
    case 'path':
      return benchPath({ messages: Number(values.messages ?? 1_000_000), repeat: Number(values.passes) });
    case 'ingest':
      return benchIngest({ messages: Number(values.messages ?? 20_000), repeat: Number(values.passes) });
    case 'peers':
      return benchPeers({ records: Number(values.records), repeat: Number(values.repeat) });
    case 'scale':
      return benchScale({
        records: Number(values.records),
        repeat: Number(values.repeat),
        workers: values.workers.split(',').map(Number),
      });
    case 'rebuild':
      return benchRebuild({
        records: Number(values.records),
        rate: Number(values.rate ?? 5_000),
        maxRate: Number(values['max-rate']),
        seconds: Number(values.seconds ?? 150),
      });
    case 'latency':
      return benchLatency({ rate: Number(values.rate ?? 5_000), seconds: Number(values.seconds ?? 30) });
    case 'start':
      return benchStart({ repeat: Number(values.repeat) });
    case 'memory':
      return benchMemory({
        messages: Number(values.messages ?? 1_000_000),
        buckets: values.buckets.split(',').map(Number),
      });
    case 'api':
      return benchApi({
        messages: Number(values.messages ?? 1_000_000),
        rate: Number(values.rate ?? 20_000),
        seconds: Number(values.seconds ?? 60),
      });
    case 'stream': {
      const readers = Number(values.readers);
      return benchStream({
        readers,
        slow: Math.ceil(readers / 20),
        stopped: Math.ceil(readers / 50),
        rate: Number(values.rate ?? 5_000),
        seconds: Number(values.seconds ?? 90),
      });
    }
    case 'failover':
      process.exitCode = (await failover()) ? 0 : 1;
      return;
    case 'page':
      return benchPage({ rate: Number(values['page-rate']), seconds: Number(values.seconds ?? 600) });
    case 'store':
      return benchStore({
        messages: Number(values.messages ?? 1_000_000),
        buckets: values.buckets.split(',').map(Number),
      });
    default:
      console.log(USAGE);
  }
}

async function failover(): Promise<boolean> {
  const redis = REDIS_TOPOLOGIES.find((each) => each === values.redis);
  assert(redis !== undefined, `--redis is one of ${REDIS_TOPOLOGIES.join(', ')}`);
  return benchFailover({
    runs: Number(values.runs),
    seed: Number(values.seed),
    rate: Number(values.rate ?? 3_300),
    redis,
    rolling: values.rolling,
  });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
