import { hideSecrets } from '../hide-secrets.ts';

/** Keeps one failure that every call meets from filling the log. */
export interface Repeats {
  /** Whether a log call's arguments tell of a failure that was told within the minute: then it is only counted. */
  take(args: readonly unknown[]): boolean;
  close(): void;
}

type Tell = (fields: Readonly<Record<string, unknown>>, message: string) => void;

const toldEveryMs = 60_000;
/** Failures of different kinds that are kept apart; beyond them all are told. */
const kindsMax = 100;
const messageLengthMax = 200;

interface Kind {
  readonly message: string;
  readonly failure: string;
  times: number;
}

/** The first of a kind is told whole; those after it are counted, and told in one line a minute. */
export function createRepeats(tell: Tell): Repeats {
  const kinds = new Map<string, Kind>();
  let timer: NodeJS.Timeout | undefined;
  const tellAll = (): void => {
    for (const [key, kind] of kinds) {
      if (kind.times > 0) tell({ failure: kind.failure, times: kind.times }, `${kind.message}, again`);
      // Quiet for a minute: the next one is news.
      else kinds.delete(key);
      kind.times = 0;
    }
    if (kinds.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  return {
    take([fields, message]) {
      const failure = failureOf(fields);
      if (failure === undefined) return false;
      // Without what differs from call to call.
      const key = `${message}\n${failure}`.replace(/\d+/g, '#');
      const known = kinds.get(key);
      if (known !== undefined) {
        known.times += 1;
        return true;
      }
      if (kinds.size < kindsMax) {
        kinds.set(key, { message: String(message), failure, times: 0 });
        timer ??= setInterval(tellAll, toldEveryMs).unref();
      }
      return false;
    },
    close() {
      clearInterval(timer);
      for (const { message, failure, times } of kinds.values()) {
        if (times > 0) tell({ failure, times }, `${message}, again`);
      }
      kinds.clear();
    },
  };
}

/** What failed in the end: the innermost cause. */
function failureOf(fields: unknown): string | undefined {
  if (typeof fields !== 'object' || fields === null) return undefined;
  const { err, error = err, cause = error } = fields as { err?: unknown; error?: unknown; cause?: unknown };
  if (!(cause instanceof Error)) return undefined;
  let innermost = cause;
  for (let depth = 0; depth < 5 && innermost.cause instanceof Error; depth += 1) innermost = innermost.cause;
  return hideSecrets(`${innermost.name}: ${innermost.message}`).slice(0, messageLengthMax);
}
