import type { StoredAttempt } from '../store/store.ts';

const firstLookMs = 1_000;

/** Attempts that this server has begun and an application has not ended, as far as this server knows. */
export interface OpenAttempts {
  /**
   * Keeps what the attempt has taken of its address until it is ended. Another server may end it, of which nobody tells
   * this one: `isOpen` asks the store, after a second, and after twice as long each time.
   */
  hold(attempt: Held, isOpen: () => Promise<boolean>): void;
  /** It is ended. */
  end(attemptId: string): void;
}

interface Held extends Pick<StoredAttempt, 'attemptId'> {
  readonly taken: Disposable;
  /** Milliseconds until it ends by itself. */
  readonly forMs: number;
}

/** Bounded by the time that an attempt lasts, and by what their addresses may take. */
export function createOpenAttempts(): OpenAttempts {
  const open = new Map<string, { readonly taken: Disposable; timer: NodeJS.Timeout }>();
  const end = (attemptId: string) => {
    const held = open.get(attemptId);
    if (held === undefined) return;
    open.delete(attemptId);
    clearTimeout(held.timer);
    held.taken[Symbol.dispose]();
  };
  return {
    hold({ attemptId, taken, forMs }, isOpen) {
      const wait = (waitMs: number, leftMs: number): NodeJS.Timeout =>
        setTimeout(() => look(waitMs, leftMs - waitMs), waitMs).unref();
      const look = async (waitedMs: number, leftMs: number): Promise<void> => {
        // A store that does not answer ends no attempt.
        if (leftMs <= 0 || !(await isOpen().catch(() => true))) return end(attemptId);
        const held = open.get(attemptId);
        if (held !== undefined) held.timer = wait(Math.min(waitedMs * 2, leftMs), leftMs);
      };
      open.set(attemptId, { taken, timer: wait(Math.min(firstLookMs, forMs), forMs) });
    },
    end,
  };
}
