import { howMany } from '../../domain/words/how-many.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const monthMs = 30 * dayMs;
const yearMs = 365 * dayMs;

/** Up to when which unit is told, and how long it is. */
const units = [
  { below: hourMs, ms: minuteMs, name: 'minute' },
  { below: 2 * dayMs, ms: hourMs, name: 'hour' },
  { below: 2 * monthMs, ms: dayMs, name: 'day' },
  { below: 2 * yearMs, ms: monthMs, name: 'month' },
  { below: Number.POSITIVE_INFINITY, ms: yearMs, name: 'year' },
] as const;

/** What most of them take. */
export const localTimeWidth = '2031-01-31 12:00:00 (12 minutes ago)'.length;

/**
 * RFC 3339 → the time of whoever reads, by TZ and the system, and how far that is from now: `2031-01-31 12:00:00 (12 minutes
 * ago)`. What is no time stays as it is.
 */
export function localTime(text: string, nowMs: number): string {
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) return text;
  const time = new Date(timeMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const date = [String(time.getFullYear()).padStart(4, '0'), two(time.getMonth() + 1), two(time.getDate())];
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two);
  return `${date.join('-')} ${clock.join(':')} (${distance(timeMs - nowMs)})`;
}

function distance(ms: number): string {
  const length = Math.abs(ms);
  if (length < minuteMs) return ms > 0 ? 'in less than a minute' : 'just now';
  const unit = units.find(({ below }) => length < below) ?? units[units.length - 1];
  if (unit === undefined) return '';
  // Never more than has passed, and never more than is left.
  const count = Math.floor(length / unit.ms);
  const told = howMany(count, unit.name);
  return ms > 0 ? `in ${told}` : `${told} ago`;
}
