import { howMany } from '../domain/words/how-many.ts';
import type { CommandContext } from './command.ts';
import { write } from './output.ts';

/** How far a long run has come, on stderr: for eyes alone. */
export interface Progress {
  /** Tells it where it is time to. */
  report(done: number, total: number): void;
  /** Seconds since the start. */
  end(): number;
}

const terminalIntervalMs = 200;
const lineIntervalMs = 3_000;

/** One line that changes on a terminal, a line every few seconds elsewhere, nothing with --json. */
export function startProgress({ args, terminal }: CommandContext, one: string, many = `${one}s`): Progress {
  const isTerminal = 'isTTY' in terminal.errors && terminal.errors.isTTY === true;
  const intervalMs = isTerminal ? terminalIntervalMs : lineIntervalMs;
  const startMs = performance.now();
  let toldMs = startMs;
  let isLineOpen = false;
  let isSilent = args.flag('json');
  const seconds = () => (performance.now() - startMs) / 1_000;
  const tell = (text: string) => {
    // Where nobody reads it, the work goes on in silence.
    write(terminal.errors, text).catch(() => {
      isSilent = true;
    });
  };
  return {
    report(done, total) {
      if (isSilent || performance.now() - toldMs < intervalMs) return;
      toldMs = performance.now();
      isLineOpen = isTerminal;
      const left = Math.round((seconds() * Math.max(total - done, 0)) / Math.max(done, 1));
      const text = `${done} of ${howMany(total, one, many)}, ${rate(done, seconds())} a second, about ${left} s to go`;
      tell(isTerminal ? `\r\u001b[K${text}` : `${text}\n`);
    },
    end() {
      if (isLineOpen) tell('\r\u001b[K');
      return seconds();
    },
  };
}

/** Whole things a second. */
export function rate(done: number, seconds: number): number {
  return Math.round(done / Math.max(seconds, 0.001));
}
