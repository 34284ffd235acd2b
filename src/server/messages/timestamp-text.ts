/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, the range of google.protobuf.Timestamp. */
const secondsMin = -62_135_596_800;
const secondsMax = 253_402_300_799;
const secondsPerDay = 86_400;
const daysKeptMax = 64;

/** Dates repeat from one answer to the next, and `toISOString` costs more than the rest of a small message. */
const dates = new Map<number, string>();

/** RFC 3339 in UTC with 0, 3, 6 or 9 digits of fraction. Throws RangeError outside the range of the protobuf type. */
export function timestampText(seconds: bigint, nanos: number): string {
  const total = Number(seconds);
  if (total < secondsMin || total > secondsMax || nanos < 0 || nanos > 999_999_999) {
    throw new RangeError(`no google.protobuf.Timestamp: ${seconds} s, ${nanos} ns`);
  }
  const day = Math.floor(total / secondsPerDay);
  const second = total - day * secondsPerDay;
  const clock = `${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`;
  return `${dates.get(day) ?? keepDate(day)}T${clock}${fraction(nanos)}Z`;
}

function keepDate(day: number): string {
  if (dates.size >= daysKeptMax) dates.clear();
  const text = new Date(day * secondsPerDay * 1000).toISOString().slice(0, 10);
  dates.set(day, text);
  return text;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}

function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = `${1_000_000_000 + nanos}`;
  if (nanos % 1_000_000 === 0) return `.${digits.slice(1, 4)}`;
  return nanos % 1000 === 0 ? `.${digits.slice(1, 7)}` : `.${digits.slice(1)}`;
}
