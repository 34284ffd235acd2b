import { asStoreError } from './sqlite-error.ts';

interface Waiting<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One read serves all that ask for the same key in one turn of the event loop. The read happens after the last of
 * them asked, so no answer is older than its question: a batch, not a cache.
 */
export function batchPerTick<Value>(read: (key: string) => Value): (key: string) => Promise<Value> {
  let waiting = new Map<string, Waiting<Value>[]>();
  const flush = () => {
    const batch = waiting;
    waiting = new Map();
    for (const [key, group] of batch) answer(group, () => read(key));
  };
  return (key) =>
    new Promise<Value>((resolve, reject) => {
      if (waiting.size === 0) setImmediate(flush);
      const group = waiting.get(key);
      if (group === undefined) waiting.set(key, [{ resolve, reject }]);
      else group.push({ resolve, reject });
    });
}

function answer<Value>(group: readonly Waiting<Value>[], read: () => Value): void {
  try {
    const value = read();
    for (const { resolve } of group) resolve(value);
  } catch (error) {
    for (const { reject } of group) reject(asStoreError(error));
  }
}
