import type { Histogram, Labels, Metric, Values } from './registry.ts';

/** Prometheus' own text format 0.0.4, or OpenMetrics 1.0. */
export type ExpositionFormat = 'prometheus' | 'openmetrics';

export const contentTypes = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const satisfies Record<ExpositionFormat, string>;

/** OpenMetrics where the reader likes it better (RFC 9110, section 12.5.1), else the format that everybody reads. */
export function formatFor(accept: string | undefined): ExpositionFormat {
  let [openmetrics, prometheus] = [0, 0];
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const version = parameters.find((parameter) => parameter.startsWith('version='))?.slice(8);
    const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    if (type === 'application/openmetrics-text' && (version ?? '1.0.0') === '1.0.0') {
      openmetrics = Math.max(openmetrics, quality);
    }
    if (type === 'text/plain') prometheus = Math.max(prometheus, quality);
  }
  return openmetrics > prometheus ? 'openmetrics' : 'prometheus';
}

/** All metrics as text, each line ended. */
export function exposition(metrics: readonly Metric[], format: ExpositionFormat): string {
  const lines = metrics.flatMap((metric) => [...head(metric, format), ...samples(metric, format)]);
  if (format === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

// OpenMetrics names the family without its samples' suffix, 0.0.4 with it.
function head({ kind, spec }: Metric, format: ExpositionFormat): string[] {
  const { name, unit } = spec;
  const help = spec.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  if (format === 'openmetrics') {
    const told = [`# TYPE ${name} ${kind}`, `# HELP ${name} ${help.replaceAll('"', '\\"')}`];
    return unit === undefined ? told : [...told, `# UNIT ${name} ${unit}`];
  }
  const type = kind === 'info' ? 'gauge' : kind;
  return [`# HELP ${name}${suffixes[kind]} ${help}`, `# TYPE ${name}${suffixes[kind]} ${type}`];
}

const suffixes = { counter: '_total', gauge: '', histogram: '', info: '_info' } as const;

function samples(metric: Metric, format: ExpositionFormat): string[] {
  const lines: string[] = [];
  for (const [row, labels] of metric.rows.entries()) {
    if (!metric.isShown(row)) continue;
    if (metric.kind === 'histogram') lines.push(...buckets(metric, row, format));
    else lines.push(value(metric, row, labels));
  }
  return lines;
}

function value({ kind, spec, values }: Values, row: number, labels: Labels): string {
  return `${spec.name}${suffixes[kind]}${braced(pairsOf(labels))} ${numberText(values[row] ?? 0)}`;
}

function buckets({ spec, rows, bounds, counts, sums }: Histogram, row: number, format: ExpositionFormat) {
  const pairs = pairsOf(rows[row] ?? {});
  const lines: string[] = [];
  let total = 0;
  for (let bucket = 0; bucket <= bounds.length; bucket += 1) {
    total += counts[row * (bounds.length + 1) + bucket] ?? 0;
    const bound = boundText(bounds[bucket] ?? Number.POSITIVE_INFINITY, format);
    lines.push(`${spec.name}_bucket${braced([...pairs, `le="${bound}"`])} ${numberText(total)}`);
  }
  lines.push(`${spec.name}_sum${braced(pairs)} ${numberText(sums[row] ?? 0)}`);
  lines.push(`${spec.name}_count${braced(pairs)} ${numberText(total)}`);
  return lines;
}

// An empty label is one that is absent.
function pairsOf(labels: Labels): string[] {
  return Object.entries(labels)
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${name}="${escaped(text)}"`);
}

const braced = (pairs: readonly string[]) => (pairs.length === 0 ? '' : `{${pairs.join(',')}}`);

const escaped = (text: string) =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

// OpenMetrics wants the bounds of buckets as floating point numbers.
function boundText(bound: number, format: ExpositionFormat): string {
  return format === 'openmetrics' && Number.isInteger(bound) ? `${bound}.0` : numberText(bound);
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
