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
    return `${clock} ${levelWords[String(level)] ?? level} ${msg}${told}${stackOf(facts.err ?? facts.error ?? facts.cause)}\n`;
  };
}

// JSON's own escapes keep a terminal from obeying what strangers send; C1 controls and directions are none of JSON's.
const escaped = (text: string): string =>
  text.replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

function factOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'message' in value)
    return escaped(JSON.stringify(value.message));
  if (typeof value === 'number') return String(Math.round(value * 1_000) / 1_000);
  const isPlain = typeof value === 'string' && /^[\w.:@/+-]+$/.test(value);
  return isPlain ? value : escaped(JSON.stringify(value));
}

function stackOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('stack' in error)) return '';
  const lines = String(error.stack).split('\n').slice(1);
  return lines.map((line) => `\n    ${escaped(JSON.stringify(line.trim()).slice(1, -1))}`).join('');
}
