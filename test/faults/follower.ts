import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoggedEvent } from './log-check.ts';
import { launcherPath } from './server-process.ts';

export interface FollowerOptions {
  readonly name: string;
  /** What follows `latchkey events --follow`, and the environment; asked anew at each start. */
  readonly target: () => {
    readonly flags: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  };
}

/** `latchkey events --follow`, begun again where it left off whenever it ends. */
export interface Follower extends AsyncDisposable {
  readonly name: string;
  /** In the order in which it was shown them, over all its lives. */
  readonly events: readonly LoggedEvent[];
  /** How often it was begun. */
  readonly lives: () => number;
  /** Ends it from one moment to the next; it comes back by itself. */
  kill(): void;
  /** Resolves when it was shown the event there; throws where that takes too long. */
  reach(position: number): Promise<void>;
}

// Another server is another URL here, which the next life asks for.
const command = ['--no-warnings', launcherPath, 'events', '--follow', '--json', '--retry-seconds', '0'];

const reachTimeoutMs = 30_000;

/** Follows from the beginning. */
export function runFollower({ name, target }: FollowerOptions): Follower {
  const events: LoggedEvent[] = [];
  const stop = new AbortController();
  let lives = 0;
  let kill: () => void = () => undefined;

  const liveOnce = async (): Promise<void> => {
    const { flags, env } = target();
    const after = String(events.at(-1)?.position ?? 0);
    const argv = [...command, '--after', after, ...flags];
    const child = spawn(process.execPath, argv, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ...env },
    });
    lives += 1;
    kill = () => void child.kill('SIGKILL');
    stop.signal.addEventListener('abort', kill, { once: true });
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = `${rest}${chunk}`.split('\n');
      // What is cut off in the middle has not been seen.
      rest = lines.pop() ?? '';
      events.push(...lines.map(parseEvent));
    });
    await once(child, 'close');
    stop.signal.removeEventListener('abort', kill);
  };
  const live = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await liveOnce();
      if (!stop.signal.aborted) await delay(100);
    }
  };
  const living = live();

  return {
    name,
    events,
    lives: () => lives,
    kill: () => kill(),
    async reach(position) {
      const deadlineMs = performance.now() + reachTimeoutMs;
      while ((events.at(-1)?.position ?? 0) < position) {
        if (performance.now() > deadlineMs) {
          throw new Error(`${name} stands at ${events.at(-1)?.position}, not at ${position}`);
        }
        await delay(50);
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await living;
    },
  };
}

function parseEvent(line: string): LoggedEvent {
  const { position, userId, sequence, type, actor } = JSON.parse(line) as LoggedEvent & {
    actor: { requestId?: string };
  };
  return { position, userId, sequence, type, requestId: actor.requestId ?? '' };
}
