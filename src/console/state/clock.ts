import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { useEffect, useState } from 'preact/hooks';

/** A moment, by both clocks of this machine. */
export interface Moment {
  /** Never set, but on some machines it stands still while they sleep. */
  readonly steadyMs: number;
  /** Goes on while the machine sleeps, but anybody may set it. */
  readonly wallMs: number;
}

export function thisMoment(): Moment {
  return { steadyMs: performance.now(), wallMs: Date.now() };
}

/** Milliseconds since then, asleep or awake; a clock that was set back takes none of them away. */
export function passedSince({ steadyMs, wallMs }: Moment): number {
  return Math.max(0, performance.now() - steadyMs, Date.now() - wallMs);
}

interface Reading {
  readonly serverMs: number;
  readonly at: Moment;
}

let reading: Reading | undefined;

/**
 * What the server's clock showed at some moment since `asked`: what this machine's clock says does not matter. An answer
 * may have lain here while the machine slept, so it moves what is known no further than it has to.
 */
export function setServerTime(nowMs: number, asked: Moment): void {
  const at = thisMoment();
  const latestMs = nowMs + passedSince(asked);
  const serverMs =
    reading === undefined
      ? nowMs + (at.steadyMs - asked.steadyMs) / 2
      : Math.min(Math.max(serverNow(), nowMs), latestMs);
  reading = { serverMs, at };
}

/** The server's clock showed it, nobody knows how long ago: it is no earlier now. */
export function heardServerTime(pastMs: number): void {
  if (pastMs > serverNow()) reading = { serverMs: pastMs, at: thisMoment() };
}

/** Whole milliseconds since 1970, by the server's clock; by this machine's as long as the server has said nothing. */
export function serverNow(): number {
  return reading === undefined ? Date.now() : Math.round(reading.serverMs + passedSince(reading.at));
}

/** Milliseconds since 1970; undefined where there is no time. */
export function msOf(time: Timestamp | undefined): number | undefined {
  return time === undefined ? undefined : Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1_000_000);
}

/** The server's time, anew every second as long as somebody looks. */
export function useNow(): number {
  const [now, setNow] = useState(serverNow());
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') setNow(serverNow());
    }, 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
