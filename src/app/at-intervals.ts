/** Whoever asks while an answer is on its way gets that one. */
export function shared<Value>(ask: () => Promise<Value>): () => Promise<Value> {
  let underWay: Promise<Value> | undefined;
  return () => {
    underWay ??= ask().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}

/**
 * Does the work, which never rejects, now and at every interval, one at a time: the next one finds what a slow one has left.
 * Disposing waits for the last.
 */
export function atIntervals(intervalMs: number, work: () => Promise<void>): AsyncDisposable {
  let last = Promise.resolve();
  const once = shared(work);
  const start = () => {
    last = once();
  };
  start();
  const timer = setInterval(start, intervalMs).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await last;
    },
  };
}
