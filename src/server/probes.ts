/** What a probe asks of the process. */
export interface ProbeDeps {
  /** Whether a call would be served now: the store answers. A rejection means no. */
  isReady(): Promise<boolean>;
  isDraining(): boolean;
  /** How long `isReady` may take before it counts as no. */
  readonly timeoutMs: number;
}

/** A whole answer, `text/plain`. */
export interface ProbeAnswer {
  readonly status: 200 | 503;
  readonly body: string;
}

const alive: ProbeAnswer = Object.freeze({ status: 200, body: 'ok\n' });
const draining: ProbeAnswer = Object.freeze({ status: 503, body: 'draining\n' });
const notReady: ProbeAnswer = Object.freeze({ status: 503, body: 'not ready\n' });

/**
 * Answers `/healthz` (the process lives) and `/readyz` (it serves, and is not draining); undefined for any other path.
 * Never rejects.
 */
export function probe(path: string, deps: ProbeDeps): Promise<ProbeAnswer> | undefined {
  if (path === '/healthz') return Promise.resolve(alive);
  if (path === '/readyz') return readiness(deps);
  return undefined;
}

async function readiness(deps: ProbeDeps): Promise<ProbeAnswer> {
  if (deps.isDraining()) return draining;
  const isReady = await answerWithin(deps.isReady, deps.timeoutMs);
  // Asked again: a drain may have begun while the store was asked.
  if (deps.isDraining()) return draining;
  return isReady ? alive : notReady;
}

async function answerWithin(isReady: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false);
  });
  try {
    return await Promise.race([isReady(), timedOut]);
  } catch {
    // Whoever asks wants a yes or a no; the store logs its own failures.
    return false;
  } finally {
    clearTimeout(timer);
  }
}
