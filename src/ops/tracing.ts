import { AsyncLocalStorage } from 'node:async_hooks';
import type { Agent } from 'node:http';
import {
  type Context,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { errorCodes, statusCodes } from './call-metrics.ts';
import type { FollowedCall, FollowedWork, Tracer } from './measures.ts';

/** Where spans go, and of which calls. */
export interface TracingConfig {
  /** Takes OTLP as JSON, such as http://127.0.0.1:4318/v1/traces. */
  readonly url: string;
  readonly serviceName: string;
  /** Of calls that nobody else decides on, from 0 to 1. */
  readonly ratio: number;
  /** Whether a caller's trace is continued and its sampling obeyed; else it is linked to. */
  readonly trustsRemote: boolean;
}

/** What a tracer is made of beside its configuration. */
export interface TracerParts {
  readonly version: string;
  /** Its way out; `http:` or `https:`. */
  readonly agent: (protocol: string) => Agent;
}

/** A tracer that sends what is left when it is disposed, for two seconds at most. */
export interface RunningTracer extends Tracer, AsyncDisposable {
  /** For a line of the log, which may add to it: whose call it is, where that is followed. */
  logFields(): Record<string, string>;
}

const flushMsMax = 2_000;
/** More than these wait for a collector that does not answer: the rest is dropped. */
const spansWaitingMax = 2_048;

/**
 * Spans by OpenTelemetry's own library. Whether a call is followed is decided here, before that library hears of it, so
 * that a call which is not takes no memory.
 */
export function createTracer(config: TracingConfig, { version, agent }: TracerParts): RunningTracer {
  const { url, serviceName, trustsRemote } = config;
  const exporter = new OTLPTraceExporter({ url, httpAgentOptions: agent });
  const processor = new BatchSpanProcessor({ exporter, maxQueueSize: spansWaitingMax });
  const provider = new TracerProvider({
    sampler: new AlwaysOnSampler(),
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer('latchkey', version);
  const current = new AsyncLocalStorage<Context>();
  const within = async <Value>(span: Span, context: Context, work: () => Promise<Value>): Promise<Value> => {
    try {
      return await current.run(trace.setSpan(context, span), work);
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  };
  const samples = createSampling(config);
  return {
    samples,
    follow: (call, work) => {
      const remote = parseTraceparent(call.traceparent);
      const isParent = trustsRemote && remote !== undefined;
      const context = isParent ? trace.setSpanContext(ROOT_CONTEXT, remote) : ROOT_CONTEXT;
      const links = remote !== undefined && !isParent ? [{ context: remote }] : [];
      const options = { kind: SpanKind.SERVER, attributes: attributesOf(call), links };
      const span = tracer.startSpan(call.method, options, context);
      return current.run(trace.setSpan(context, span), () => ended(span, call, work));
    },
    isFollowing: () => current.getStore() !== undefined,
    span(name, work) {
      const context = current.getStore();
      return context === undefined ? work() : within(tracer.startSpan(name, {}, context), context, work);
    },
    alone: (facts, work) => {
      if (!samples(facts.traceparent)) return work();
      const span = startAlone(tracer, facts);
      return within(span, ROOT_CONTEXT, async () => told(span, await work(), facts));
    },
    logFields() {
      const span = trace.getSpan(current.getStore() ?? ROOT_CONTEXT)?.spanContext();
      return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
    },
    async [Symbol.asyncDispose]() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, flushMsMax);
      });
      // A collector that is gone keeps no server from stopping.
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}

/** Whether to follow what a caller with this header asks for. */
function createSampling({ ratio, trustsRemote }: TracingConfig): Tracer['samples'] {
  const isChosen = createLot(ratio);
  return (traceparent) => {
    const remote = trustsRemote ? parseTraceparent(traceparent) : undefined;
    return remote === undefined ? isChosen() : (remote.traceFlags & 1) === 1;
  };
}

/**
 * Chooses this share of calls, each as likely as any other: drawn is how many are passed over before the next one, since a
 * random number for each call would take memory.
 */
function createLot(ratio: number): () => boolean {
  // The gaps between independent choices are distributed geometrically.
  const draw = () => Math.min(gapMax, Math.floor(Math.log(1 - Math.random()) / Math.log(1 - ratio)));
  let gap = ratio === 0 ? gapMax : draw();
  return () => {
    if (ratio === 0) return false;
    if (gap > 0) {
      gap -= 1;
      return false;
    }
    gap = draw();
    return true;
  };
}

/** What V8 keeps without memory of its own. */
const gapMax = 2 ** 30;

async function ended<Value>(span: Span, call: FollowedCall, work: () => Promise<Value>): Promise<Value> {
  try {
    const value = await work();
    span.setAttribute('rpc.response.status_code', 'OK');
    return value;
  } catch (error) {
    const code = statusCodes[call.codeOf(error)] ?? 'UNKNOWN';
    span.setAttribute('rpc.response.status_code', code);
    if (errorCodes.has(code)) {
      span.setAttribute('error.type', code);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    throw error;
  } finally {
    span.end();
  }
}

function startAlone<Value>(tracer: OtelTracer, { name, traceparent }: FollowedWork<Value>): Span {
  const remote = parseTraceparent(traceparent);
  const links = remote === undefined ? [] : [{ context: remote }];
  return tracer.startSpan(name, { kind: SpanKind.CLIENT, links }, ROOT_CONTEXT);
}

function told<Value>(span: Span, value: Value, { attributesOf: factsOf }: FollowedWork<Value>): Value {
  const attributes = factsOf(value);
  span.setAttributes(attributes);
  if ('error.type' in attributes) span.setStatus({ code: SpanStatusCode.ERROR });
  return value;
}

function attributesOf({ method, system, requestId }: FollowedCall) {
  const own = { 'rpc.method': method, 'latchkey.request_id': requestId };
  return system === undefined ? own : { ...own, 'rpc.system.name': system };
}

/** W3C Trace Context, version 00 and what later versions share with it; undefined where it is none. */
export function parseTraceparent(text: string | undefined): SpanContext | undefined {
  const form = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/;
  const [, version, traceId, spanId, flags, more] = form.exec(text ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === '00' && more !== undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}
