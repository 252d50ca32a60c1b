import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Makes metrics of one registry. */
export type Exposition = ReturnType<typeof openExposition>;

/** A registry of its own, with Node's metrics: two in one process are independent. */
export function openExposition() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name, help, labelNames, registers });
  return {
    counter,
    /** Counts without a label. */
    counted(name: string, help: string): (count?: number) => void {
      const made = counter(name, help);
      return (count = 1) => made.inc(count);
    },
    /** Counts by the values of one label. */
    countedBy(label: string, name: string, help: string): (value: string, count?: number) => void {
      const made = counter(name, help, [label]);
      return (value, count = 1) => made.inc({ [label]: value }, count);
    },
    /** `collect` is called before each scrape. */
    gauge: <L extends string>(name: string, help: string, labelNames: L[] = [], collect?: () => void) =>
      new Gauge({ name, help, labelNames, registers, ...(collect && { collect }) }),
    /** Seconds by pipeline. */
    durations(name: string, help: string, buckets: number[]): (pipeline: string, seconds: number) => void {
      const made = new Histogram({ name, help, labelNames: ['pipeline'], buckets, registers });
      return (pipeline, seconds) => made.observe({ pipeline }, seconds);
    },
    /** The text that Prometheus scrapes, and its content type. */
    exposition: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}
