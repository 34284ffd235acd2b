import pino from 'pino';
import { hideSecrets } from '../hide-secrets.ts';
import type { Log } from './logger.ts';
import { createRepeats } from './repeats.ts';
import { createLogSink, type LogSink } from './sink.ts';
import { createLogText, type LogFormat } from './text.ts';

export interface LogConfig {
  readonly logLevel: string;
  /** 'auto', the default: text where stderr is a terminal, else JSON. */
  readonly logFormat?: LogFormat;
}

/** Opens the log, at a level at which there may be something to say; what `mixin` answers stands in every line. Stdout belongs to what a command prints. Neither a slow reader nor a full disk stops who logs. */
export function openLog({ logLevel, logFormat = 'auto' }: LogConfig, mixin?: () => object): Log {
  const timeNow = createTimes();
  const sink = createLogSink();
  const isText = logFormat === 'text' || (logFormat === 'auto' && process.stderr.isTTY === true);
  const destination = isText ? asText(sink) : sink;
  const repeats = createRepeats((fields, message) => logger.error(fields, message));
  const serializers = { err: describeError, error: describeError, cause: describeError };
  const logger: Log['logger'] = pino(
    {
      level: logLevel,
      base: null,
      serializers,
      ...(mixin && { mixin }),
      timestamp: () => `,"time":"${timeNow()}"`,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod(args, method) {
          if (!repeats.take(args)) method.apply(this, args);
        },
      },
    },
    destination,
  );
  return {
    logger,
    tell(fields, message) {
      if (!logger.isLevelEnabled('info')) return;
      const facts = JSON.stringify(mixin ? { ...fields, ...mixin() } : fields).slice(1, -1);
      destination.write(`{"level":"info","time":"${timeNow()}",${facts},"msg":"${message}"}\n`);
    },
    async [Symbol.asyncDispose]() {
      repeats.close();
      await sink.close();
    },
  };
}

function asText(sink: LogSink): Pick<LogSink, 'write'> {
  const textOf = createLogText();
  return { write: (line) => sink.write(textOf(line)) };
}

/** RFC 3339, UTC, made once a millisecond. */
function createTimes(): () => string {
  let atMs = Number.NaN;
  let text = '';
  return () => {
    const nowMs = Date.now();
    if (nowMs !== atMs) {
      atMs = nowMs;
      text = new Date(nowMs).toISOString();
    }
    return text;
  };
}

const causesMax = 5;

// Named one by one: a database's errors carry more, even the row that they are about, hashes and all.
function describeError(error: unknown, causesLeft: number = causesMax): unknown {
  if (!(error instanceof Error)) return hideSecrets(String(error));
  const { name, message, stack, cause } = error;
  return {
    type: name,
    message: hideSecrets(message),
    ...('code' in error && { code: error.code }),
    ...(stack !== undefined && { stack: hideSecrets(stack) }),
    ...(cause !== undefined && causesLeft > 0 && { cause: describeError(cause, causesLeft - 1) }),
  };
}
