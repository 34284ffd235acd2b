import { fstatSync, writeSync } from 'node:fs';

/** Where finished lines go. */
export interface LogSink {
  /** Takes a line with its line end; written at the end of this turn of the event loop, or dropped and counted. */
  write(line: string): void;
  /** Resolves when all is written, at the latest after `closeTimeoutMs`: nobody's silence keeps the process. */
  close(): Promise<void>;
}

/** What waits for a reader at most; the newest lines beyond it are dropped. */
const waitingBytesMax = 262_144;
const closeTimeoutMs = 500;
const exitAfterMs = 50;
/** Between two lines that tell of dropped ones. */
const toldEveryMs = 1_000;

const stderrFd = 2;

/** A way to get bytes out that never waits. */
interface Outlet {
  /** Characters that it was given and could not write yet. */
  waiting(): number;
  /** False where they are lost. */
  put(text: string): boolean;
  close(): void;
}

/**
 * Lines to stderr. A pipe or a socket is written without waiting, as far as its reader reads: one that stops reading
 * stops nothing. What does not fit any more, or not on a full disk, is dropped, counted, and told when there is room.
 */
export function createLogSink(): LogSink {
  const outlet = openOutlet();
  let lines: string[] = [];
  let length = 0;
  let linesDropped = 0;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let isScheduled = false;
  let retry: NodeJS.Timeout | undefined;

  const flush = (): void => {
    isScheduled = false;
    const dropped = noteOfDropped();
    const text = dropped + lines.join('');
    if (text === '') return;
    if (!outlet.put(text)) linesDropped += lines.length;
    else if (dropped !== '') {
      linesDropped = 0;
      clearInterval(retry);
      retry = undefined;
      toldAtMs = performance.now();
    }
    lines = [];
    length = 0;
  };
  const noteOfDropped = (): string => {
    const isDue = linesDropped > 0 && performance.now() - toldAtMs >= toldEveryMs;
    if (!isDue || outlet.waiting() > waitingBytesMax / 2) return '';
    const time = new Date().toISOString();
    return `${JSON.stringify({ level: 'warn', time, linesDropped, msg: 'log lines dropped' })}\n`;
  };
  // Lines of the last turn are on their way even where the process ends by itself.
  process.once('exit', flush);
  return {
    write(line) {
      if (length + line.length + outlet.waiting() > waitingBytesMax) {
        linesDropped += 1;
        // Told once there is room again, though nothing else may be.
        retry ??= setInterval(flush, toldEveryMs).unref();
        return;
      }
      lines.push(line);
      length += line.length;
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(flush);
    },
    async close() {
      process.off('exit', flush);
      clearInterval(retry);
      flush();
      const deadlineMs = performance.now() + closeTimeoutMs;
      while (outlet.waiting() > 0 && performance.now() < deadlineMs) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      toldAtMs = Number.NEGATIVE_INFINITY;
      flush();
      outlet.close();
    },
  };
}

function openOutlet(): Outlet {
  const isStream = fstatSync(stderrFd).isFIFO() || fstatSync(stderrFd).isSocket() || process.stderr.isTTY;
  return isStream ? streamOutlet() : fileOutlet();
}

function streamOutlet(): Outlet {
  const stream = process.stderr;
  let isBroken = false;
  // Whoever read it has gone.
  const onError = (): void => {
    isBroken = true;
  };
  stream.on('error', onError);
  return {
    waiting: () => (isBroken ? 0 : stream.writableLength),
    put(text) {
      if (!isBroken) stream.write(text);
      return !isBroken;
    },
    close() {
      // A failure that comes later is nobody's any more, and must not end the process.
      stream.off('error', onError).on('error', () => undefined);
      // What nobody reads would keep the process for ever: it ends now, with the exit code that it was to have.
      if (!isBroken && stream.writableLength > 0) setTimeout(() => process.exit(), exitAfterMs);
    },
  };
}

/** A file or a device. Node's own stream for these ends with the first error. */
function fileOutlet(): Outlet {
  let isLineOpen = false;
  return {
    waiting: () => 0,
    put(text) {
      // Half a line may stand there, of when the disk became full.
      const bytes = Buffer.from(isLineOpen ? `\n${text}` : text);
      let at = 0;
      try {
        while (at < bytes.length) at += writeSync(stderrFd, bytes, at);
        isLineOpen = false;
      } catch {
        isLineOpen ||= at > 0;
        return false;
      }
      return true;
    },
    close: () => undefined,
  };
}
