import { systemClock } from '../base/clock';
import type { Log } from '../base/log';
import { kafkaTopicAdmin } from '../kafka/admin.kafka';
import type { Health } from '../queries/health';
import type { Metrics } from '../http/metrics';
import { neededRetention, watchInputRetention } from '../service/input-retention';
import type { Config } from '../settings/table';
import { kafkaOf } from './connect';

/** Watches the retention of the inputs until `signal` aborts; reports to the log, the page and the metrics. */
export async function watchInputs(
  config: Config,
  reportTo: { readonly log: Log; readonly health: Health; readonly metrics: Metrics },
  signal: AbortSignal,
): Promise<void> {
  const { topicPrefix: prefix, kafkaBrokers: brokers, retention } = config;
  const admin = kafkaTopicAdmin(kafkaOf(config, reportTo.log), systemClock);
  const neededMs = neededRetention(retention);
  const onInput = (topic: string, warning: string | null): void => {
    reportTo.health.warn(`retention of ${topic}`, warning);
    reportTo.metrics.inputRetention(topic, warning !== null);
  };
  try {
    const { log } = reportTo;
    await watchInputRetention({ admin, prefix, neededMs, brokers, clock: systemClock, log, onInput }, signal);
  } finally {
    await admin.close().catch(() => undefined);
  }
}
