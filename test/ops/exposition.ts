/** One line of an exposition: a series and its value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  /** By the name in the TYPE line. */
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
}

const metricName = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const labelPair = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const number = '[+-]?(?:Inf|NaN|\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)';
const sampleLine = new RegExp(`^(${metricName})(?:\\{(${labelPair}(?:,${labelPair})*)\\})? (${number})$`);
const headLine = new RegExp(`^# (HELP|TYPE|UNIT) (${metricName}) (.+)$`);

/** Reads Prometheus' text or OpenMetrics; throws on the first line that is neither, or comes where it may not. */
export function readExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the last line is not ended');
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  const seen = new Set<string>();
  let family = '';
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '# EOF') continue;
    const [, keyword, name = '', rest = ''] = headLine.exec(line) ?? [];
    if (keyword === 'TYPE') {
      if (types.has(name)) throw new Error(`two types for ${name}`);
      types.set(name, rest);
    }
    if (keyword !== undefined) {
      family = name;
      continue;
    }
    const sample = parseSample(line);
    if (!sample.name.startsWith(family.replace(/_total$/, '')))
      throw new Error(`${line} belongs to no family`);
    const series = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (seen.has(series)) throw new Error(`twice: ${line}`);
    seen.add(series);
    samples.push(sample);
  }
  return { types, samples };
}

function parseSample(line: string): Sample {
  const [, name, pairs = '', value = ''] = sampleLine.exec(line) ?? [];
  if (name === undefined) throw new Error(`not a sample: ${line}`);
  const labels = [...pairs.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [
    key,
    text,
  ]);
  return { name, labels: Object.fromEntries(labels), value: Number(value.replace('Inf', 'Infinity')) };
}

/** The sum of all series of that name that have these labels. */
export function sumOf({ samples }: Exposition, name: string, labels: Sample['labels'] = {}): number {
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([key, text]) => (sample.labels[key] ?? '') === text))
    .reduce((sum, { value }) => sum + value, 0);
}

/** What is read there now, in Prometheus' own form. */
export async function readMetrics(url: string | undefined): Promise<Exposition> {
  return readExposition(await metricsText(url));
}

export async function metricsText(url: string | undefined, accept = 'text/plain'): Promise<string> {
  if (url === undefined) throw new Error('no metrics here');
  const answer = await fetch(url, { headers: { accept } });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}`);
  return answer.text();
}
