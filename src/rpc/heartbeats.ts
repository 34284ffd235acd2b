/** The first beat: proxies that keep headers back until a message comes let them go. */
const firstMs = 500;

/**
 * What the source yields, and undefined whenever it has yielded nothing for so long; 0: never. The first time sooner, to
 * say that the stream has begun. Whoever returns early does
 * not wait for the source, which its own signal ends.
 */
export async function* withHeartbeats<Value>(
  source: AsyncIterable<Value>,
  everyMs: number,
): AsyncGenerator<Value | undefined, void, undefined> {
  if (everyMs === 0) {
    yield* source;
    return;
  }
  const iterator = source[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (let waitMs = Math.min(firstMs, everyMs); ; waitMs = everyMs) {
      const found = await within(next, waitMs);
      if (found === undefined) yield undefined;
      else if (found.done === true) return;
      else {
        yield found.value;
        next = iterator.next();
      }
    }
  } finally {
    next.catch(() => undefined);
    iterator.return?.().catch(() => undefined);
  }
}

async function within<Value>(value: Promise<Value>, ms: number): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([value, timedOut]);
  } finally {
    clearTimeout(timer);
  }
}
