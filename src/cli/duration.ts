import { UsageError } from '../app/usage.ts';

const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 } as const;

/** "90s", "30m", "12h", "7d" or "2w" as seconds; 0 needs no unit. Throws UsageError, naming the option. */
export function parseDuration(text: string, option: string): number {
  if (text === '0') return 0;
  const [, count, unit] = /^(\d{1,8})([smhdw])$/.exec(text) ?? [];
  if (count !== undefined) return Number(count) * unitSeconds[unit as keyof typeof unitSeconds];
  throw new UsageError(`--${option} must be like 90s, 30m, 12h, 7d or 2w, not "${text}"`);
}
