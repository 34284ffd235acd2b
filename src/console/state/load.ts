import { useEffect, useRef, useState } from 'preact/hooks';
import { errorText } from './api.ts';

/** What is shown of something that has to be asked for. */
export interface Loaded<Value> {
  /** The newest that is known, of this very key. */
  readonly value: Value | undefined;
  readonly failure: string | undefined;
  readonly isLoading: boolean;
  /** Asks again. */
  reload(): void;
}

const keptMax = 50;
/** So that "back" shows at once what was there, and the place in it is kept. */
const kept = new Map<string, unknown>();

function keep(key: string, value: unknown): void {
  kept.delete(key);
  kept.set(key, value);
  const [oldest] = kept.size > keptMax ? kept.keys() : [];
  if (oldest !== undefined) kept.delete(oldest);
}

/** Whoever signs in next finds nothing of the one before. */
export function forgetLoaded(): void {
  kept.clear();
}

/** Asks once for each key; what comes too late for another key is dropped. */
export function useLoad<Value>(key: string, ask: (signal: AbortSignal) => Promise<Value>): Loaded<Value> {
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState<{ key: string; failure?: string; isLoading: boolean }>();
  const asking = useRef(ask);
  asking.current = ask;
  useEffect(() => {
    const abort = new AbortController();
    setState({ key, isLoading: true });
    asking
      .current(abort.signal)
      .then((value) => {
        if (abort.signal.aborted) return;
        keep(key, value);
        setState({ key, isLoading: false });
      })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) setState({ key, failure: errorText(error), isLoading: false });
      });
    return () => abort.abort();
  }, [key, turn]);
  const isCurrent = state?.key === key;
  return {
    value: kept.get(key) as Value | undefined,
    failure: isCurrent ? state.failure : undefined,
    isLoading: !isCurrent || state.isLoading,
    reload: () => setTurn((before) => before + 1),
  };
}
