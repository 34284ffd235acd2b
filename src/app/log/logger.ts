import type { Logger as WholeLogger } from 'pino';

/** What the rooms call of a logger. */
export type Logger = Pick<
  WholeLogger,
  'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'isLevelEnabled' | 'level'
>;

/** One record a line, on stderr. Disposing waits a moment for what is not written yet. */
export interface Log extends AsyncDisposable {
  readonly logger: Logger;
  /** A line at level info made of plain values: a third of what the logger takes for one, for what happens often. */
  tell(fields: Readonly<Record<string, string | number | undefined>>, message: string): void;
}

const nothing = (): void => undefined;

/** Of whom nobody wants to hear anything; what writes a log is not loaded for it. */
export const silentLog: Log = {
  logger: {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: nothing,
    fatal: nothing,
    isLevelEnabled: () => false,
    level: 'silent',
  },
  tell: nothing,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
