import type { Socket } from 'node:net';

/** Who takes less than this in the time there is takes nothing. */
const progressBytes = 1_024;

/** Watches whether what waits for a client is taken. Any other sign of life counts for nothing: a PING is cheap. */
export class Taking {
  #sinceMs: number | undefined;
  #takenBytes = 0;

  /** Whether nothing was taken for so long, given whether anything waits, and all that was taken so far. */
  isStalled(
    nowMs: number,
    { waits, takenBytes }: { waits: boolean; takenBytes: number },
    ms: number,
  ): boolean {
    if (!waits) this.#sinceMs = undefined;
    else if (this.#sinceMs === undefined || takenBytes - this.#takenBytes >= progressBytes) {
      this.#sinceMs = nowMs;
      this.#takenBytes = takenBytes;
    } else return nowMs - this.#sinceMs >= ms;
    return false;
  }
}

/** What the kernel took of all that was ever written to the socket: of a large write also a part. */
export function takenBytesOf(socket: Socket): number {
  const { _bytesDispatched: dispatched = 0, _handle: handle }: Inner = socket;
  return dispatched - (handle?.writeQueueSize ?? 0);
}

// Node tells neither in public; its own timeout of sockets looks at the second in the same way.
type Inner = Socket & { _bytesDispatched?: number; _handle?: { writeQueueSize?: number } | null };
