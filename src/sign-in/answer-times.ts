import { setTimeout as delay } from 'node:timers/promises';
import type { CheckCost } from './password.ts';

/**
 * When the answer to a failed attempt may leave. How long a failure takes must not tell whether there is such a user, what
 * they are kept by, or whether two names are one user's.
 */
export interface AnswerTimes {
  /** A check was made: refusals of the next day take as long as the dearest kind of them. */
  checked(check: CheckCost): void;
  /** Waits for what the dearest kind of recent checks takes beyond this one. */
  fill(check: CheckCost, signal: AbortSignal | undefined): Promise<void>;
  /** A stranger's attempt begins. */
  begin(): AnswerTime;
}

export interface AnswerTime {
  /** Waits until a failure may be told: the time it would take if all attempts waited for one another, as those about one user do. */
  hold(signal: AbortSignal | undefined): Promise<void>;
  end(): void;
}

const rememberedMs = 86_400_000;
const samplesMax = 15;
/** The longest that answers are held back in all: an attack must not keep everybody's typing errors waiting for minutes. */
const lagMsMax = 3_000;

/** In memory, of one server. */
export function createAnswerTimes(): AnswerTimes {
  let dearest = { cost: 0, atMs: 0, took: [] as readonly number[] };
  /** When the last of the attempts that have begun would be answered, if they waited for one another. */
  let lastMs = 0;
  let underWay = 0;
  /** Counts beginnings: an attempt that nobody joined was alone. */
  let begun = 0;
  let alone: readonly number[] = [];
  /** What the last checks took: where attempts never are alone, this alone tells that the machine has become slower. */
  let recent: readonly number[] = [];
  return {
    checked({ cost, tookMs }) {
      recent = [...recent, tookMs].slice(-samplesMax);
      const nowMs = performance.now();
      const isOver = nowMs - dearest.atMs > rememberedMs;
      if (!isOver && cost < dearest.cost) return;
      const took = cost === dearest.cost ? dearest.took : [];
      dearest = { cost, atMs: nowMs, took: [...took, tookMs].slice(-samplesMax) };
    },
    async fill({ cost, tookMs }, signal) {
      // One of them, and not always the same: they differ, and so must what is to look like them.
      const took = dearest.took[Math.floor(Math.random() * dearest.took.length)];
      if (took !== undefined && cost < dearest.cost) await pause(took - tookMs, signal);
    },
    begin() {
      const startedMs = performance.now();
      const longMs = Math.max(longOf(alone), longOf(recent));
      lastMs = Math.min(Math.max(lastMs, startedMs) + longMs, startedMs + lagMsMax);
      const answerMs = lastMs;
      begun += 1;
      const own = begun;
      const isFirst = underWay === 0;
      underWay += 1;
      return {
        async hold(signal) {
          const nowMs = performance.now();
          if (isFirst && own === begun) alone = [...alone, nowMs - startedMs].slice(-samplesMax);
          await pause(answerMs - nowMs, signal);
        },
        end() {
          underWay -= 1;
        },
      };
    },
  };
}

// Nine of ten take no longer: where two wait for one another, half of them would take longer than twice the median.
function longOf(times: readonly number[]): number {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length * 0.9)] ?? 0;
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms <= 0) return;
  // Who is gone waits for nothing.
  await delay(ms, undefined, signal && { signal }).catch(() => undefined);
}
