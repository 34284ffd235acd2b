import { UsageError } from '../app/usage.ts';

const unitMs = { h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const dateForm = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** "90d" from now, or a date (midnight UTC) or RFC 3339 time → milliseconds since 1970. Throws UsageError. */
export function parseExpiry(text: string, nowMs: number): number {
  const [, count, unit] = /^(\d{1,5})([hdw])$/.exec(text) ?? [];
  if (count !== undefined) return nowMs + Number(count) * unitMs[unit as keyof typeof unitMs];
  return parseTime(text, 'expires', '12h, 90d, 8w, ');
}

/** A date (midnight UTC) or RFC 3339 time → milliseconds since 1970. Throws UsageError, naming the option. */
export function parseTime(text: string, option: string, otherForms = ''): number {
  const time = dateForm.test(text) ? timeOf(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new UsageError(
    `--${option} must be like ${otherForms}2031-01-31 or 2031-01-31T12:00:00Z, not "${text}"`,
  );
}

/** Milliseconds since 1970; NaN for a day that there is not, which would be taken for one of the next month. */
export function timeOf(text: string): number {
  const day = text.slice(0, '2031-01-31'.length);
  const midnight = new Date(`${day}T00:00Z`);
  const isDay = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
  return isDay ? Date.parse(text) : Number.NaN;
}
