import { visible } from '../../domain/visible.ts';

export type LogFormat = 'json' | 'text' | 'auto';

const levelWords: Readonly<Record<string, string>> = {
  debug: 'debug',
  info: 'info ',
  warn: 'WARN ',
  error: 'ERROR',
};

/** Makes the function that turns a line of JSON into one for eyes: time, level, what happened, the facts. */
export function createLogText(): (line: string) => string {
  return (line) => {
    const { level, time, msg, ...facts } = JSON.parse(line) as Record<string, unknown>;
    const clock = String(time).slice(11, 23);
    const told = Object.entries(facts)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ` ${name}=${factOf(value)}`)
      .join('');
    return `${clock} ${levelWords[String(level)] ?? level} ${visible(String(msg))}${told}${stackOf(facts.err ?? facts.error ?? facts.cause)}\n`;
  };
}

function factOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'message' in value)
    return visible(JSON.stringify(value.message));
  if (typeof value === 'number') return String(Math.round(value * 1_000) / 1_000);
  const isPlain = typeof value === 'string' && /^[\w.:@/+-]+$/.test(value);
  return isPlain ? value : visible(JSON.stringify(value));
}

function stackOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('stack' in error)) return '';
  const lines = String(error.stack).split('\n').slice(1);
  return lines.map((line) => `\n    ${visible(JSON.stringify(line.trim()).slice(1, -1))}`).join('');
}
