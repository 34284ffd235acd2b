import type { TracingConfig } from '../ops/tracing.ts';
import type { Environment } from './environment.ts';

const ratioDefault = 0.01;

/**
 * Where OpenTelemetry's own variables send spans; undefined where they name no place.
 * Throws Error where they ask for what cannot be done: the message says what can.
 */
export function readTracing(environment: Environment, trustsRemote: boolean): TracingConfig | undefined {
  const own = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  const shared = environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (environment.OTEL_SDK_DISABLED === 'true' || !(own || shared)) return undefined;
  const url = own || `${shared?.replace(/\/$/, '')}/v1/traces`;
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new Error(`OTEL_EXPORTER_OTLP_…ENDPOINT must be a URL of http or https, not "${url}"`);
  }
  const protocol = environment.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? environment.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (protocol === 'grpc') {
    throw new Error(
      'OTEL_EXPORTER_OTLP_PROTOCOL must be http/json: name the port for HTTP, which is 4318 as a rule',
    );
  }
  const serviceName = environment.OTEL_SERVICE_NAME || 'latchkey';
  return { url, serviceName, ratio: readRatio(environment), trustsRemote };
}

function readRatio({
  OTEL_TRACES_SAMPLER: sampler = '',
  OTEL_TRACES_SAMPLER_ARG: ratio = '',
}: Environment): number {
  const plain = sampler.replace(/^parentbased_/, '');
  if (plain === 'always_on') return 1;
  if (plain === 'always_off') return 0;
  if (plain !== '' && plain !== 'traceidratio') {
    throw new Error(`OTEL_TRACES_SAMPLER must be always_on, always_off or traceidratio, not "${sampler}"`);
  }
  const value = ratio === '' ? ratioDefault : Number(ratio);
  if (value >= 0 && value <= 1) return value;
  throw new Error(`OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, not "${ratio}"`);
}
