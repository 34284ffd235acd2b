import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen } from '../support/listen.ts';

/** A span as OTLP's JSON has it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly status: { readonly code: number };
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}

/** Receives OTLP over HTTP, as a collector does. */
export interface Collector extends AsyncDisposable {
  /** For `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`. */
  readonly url: string;
  /** All that has come. */
  readonly spans: readonly ReceivedSpan[];
  readonly serviceNames: ReadonlySet<string | undefined>;
}

interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: ReceivedSpan['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[];
  }[];
}

export async function startCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const serviceNames = new Set<string | undefined>();
  const server = createServer(async (req, res) => {
    const { resourceSpans } = JSON.parse(await text(req)) as Exported;
    for (const { resource, scopeSpans } of resourceSpans) {
      serviceNames.add(attributeOf(resource, 'service.name'));
      spans.push(...scopeSpans.flatMap((scope) => scope.spans));
    }
    res.setHeader('content-type', 'application/json').end('{}');
  });
  return {
    url: `http://127.0.0.1:${await listen(server)}/v1/traces`,
    spans,
    serviceNames,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function attributeOf(
  { attributes }: Pick<ReceivedSpan, 'attributes'>,
  name: string,
): string | undefined {
  return attributes.find(({ key }) => key === name)?.value.stringValue;
}
