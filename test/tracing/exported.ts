import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';

export interface ExportedSpan {
  readonly name: string;
  readonly id: string;
  readonly trace: string;
  readonly parent: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** All that a tool could show of it, as text. */
  readonly text: string;
}

const exported = (span: ReadableSpan): ExportedSpan => ({
  name: span.name,
  id: span.spanContext().spanId,
  trace: span.spanContext().traceId,
  parent: span.parentSpanContext?.spanId,
  attributes: span.attributes,
  text: JSON.stringify([span.name, span.attributes, span.status, span.events, span.links]),
});

/** Registers an SDK that keeps the spans that end from now on; for one file of tests, as the registry is the process's. */
export function registerTracing(): { spans(): ExportedSpan[]; reset(): void } {
  const exporter = new InMemorySpanExporter();
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
  return { spans: () => exporter.getFinishedSpans().map(exported), reset: () => exporter.reset() };
}
