import type * as OpenTelemetry from '@opentelemetry/api';
import { systemClock } from '../base/clock';

/*
 * Steps of the service as spans, for the tracing tool of one's own. They go through the API of OpenTelemetry, whose calls do
 * nothing until a program registers an SDK. It is an optional peer dependency: without it a step is just run.
 */

/**
 * What a span may state. The list is closed so that no recipient ever gets into a trace: there is no attribute for a message
 * id, an address, a domain, a key or a text from outside.
 */
export interface SpanAttributes {
  readonly 'efs.pipeline'?: 'status' | 'kpi';
  readonly 'efs.partition'?: number;
  /** The next offset of each input after the batch, in the order of the inputs. */
  readonly 'efs.positions'?: readonly number[];
  readonly 'efs.records'?: number;
  readonly 'efs.folded'?: number;
  readonly 'efs.dead_letters'?: number;
  readonly 'efs.outgoing'?: number;
  readonly 'efs.reads'?: number;
  readonly 'efs.writes'?: number;
  readonly 'efs.events'?: number;
  readonly 'efs.bytes'?: number;
  /** How a step ended, where that is a value and no failure. */
  readonly 'efs.outcome'?:
    'acknowledged' | 'committed' | 'fenced' | 'lost' | 'rolled-back' | 'unacknowledged';
  /** A source of ingestion by its configured name. */
  readonly 'efs.source'?: string;
  readonly 'http.response.status_code'?: number;
}

export type SpanName = 'efs.batch' | 'efs.load' | 'efs.commit' | 'efs.publish' | 'efs.ingest';

const TRACER = 'email-feedback-service';
/** They begin a trace: a task lives on long after what has started it. */
const ROOTS: readonly SpanName[] = ['efs.batch'];
const FLUSH_WITHIN_MS = 2_000;

let loaded: { readonly api: typeof OpenTelemetry; readonly tracer: OpenTelemetry.Tracer } | null | undefined;

/** The API and our tracer; null where it is not installed. Loaded at the first step, which short commands never reach. */
function openTelemetry(): typeof loaded {
  if (loaded !== undefined) return loaded;
  try {
    const api = require('@opentelemetry/api') as typeof OpenTelemetry;
    return (loaded = { api, tracer: api.trace.getTracer(TRACER) });
  } catch {
    return (loaded = null);
  }
}

const NOTHING = (): SpanAttributes => ({});

/** Runs a step in a span that ends when the step does. `after` gives what is known of its result only then. */
export function inSpan<T>(
  name: SpanName,
  before: SpanAttributes,
  run: () => Promise<T>,
  after: (result: T) => SpanAttributes = NOTHING,
): Promise<T> {
  const open = openTelemetry();
  if (open == null) return run();
  const options = { attributes: before as OpenTelemetry.Attributes, root: ROOTS.includes(name) };
  return open.tracer.startActiveSpan(name, options, (span) =>
    // Without an SDK, or where it takes no sample, the step is just run.
    span.isRecording() ? ending(span, run(), after) : run(),
  );
}

/** Retains nothing of the step but its promise: its arguments can be freed while it runs. */
async function ending<T>(
  span: OpenTelemetry.Span,
  running: Promise<T>,
  after: (result: T) => SpanAttributes,
): Promise<T> {
  try {
    const result = await running;
    span.setAttributes(after(result) as OpenTelemetry.Attributes);
    return result;
  } catch (error) {
    // Without its message, which may quote what a server or a sender wrote.
    span.setAttribute('error.type', errorType(error));
    span.setStatus({ code: 2 });
    throw error;
  } finally {
    span.end();
  }
}

function errorType(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}

/** Whether the caller runs in a step that is a span, or in a span of another program. */
export const isInSpan = (): boolean => openTelemetry()?.api.trace.getActiveSpan() !== undefined;

/** The active span, for a log line; no field where there is none. */
export function spanIds(): { readonly trace_id?: string; readonly span_id?: string } {
  const context = openTelemetry()?.api.trace.getActiveSpan()?.spanContext();
  return context === undefined ? {} : { trace_id: context.traceId, span_id: context.spanId };
}

/** What a provider has beyond the API: that of the API passes on to one of an SDK, which can be flushed. */
interface Provider extends OpenTelemetry.TracerProvider {
  getDelegate?(): Provider;
  forceFlush?(): Promise<void>;
}

/** Lets the SDK export what it still holds, before the process ends; for a short time only. */
export async function flushSpans(): Promise<void> {
  const provider: Provider | undefined = loaded?.api.trace.getTracerProvider();
  const sdk = provider?.getDelegate?.() ?? provider;
  if (sdk?.forceFlush === undefined) return;
  const over = new AbortController();
  const flushed = sdk.forceFlush().catch(() => undefined);
  await Promise.race([flushed, systemClock.sleep(FLUSH_WITHIN_MS, over.signal)]);
  over.abort();
}
