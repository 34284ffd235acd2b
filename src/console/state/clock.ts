import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { useEffect, useState } from 'preact/hooks';

let offsetMs = 0;

/** What the server's clock shows, as of now: what this machine's clock says does not matter. */
export function setServerTime(nowMs: number): void {
  offsetMs = nowMs - Date.now();
}

/** Milliseconds since 1970, by the server's clock. */
export function serverNow(): number {
  return Date.now() + offsetMs;
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
