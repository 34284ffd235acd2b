import { DomainError } from '../domain/errors.ts';

/** Puts the item at the end of the line; where the signal is aborted while it still stands there, it leaves, and `turnAway` is told overloaded. */
export function standIn<Item>(
  line: Item[],
  item: Item,
  { signal, turnAway }: { signal: AbortSignal | undefined; turnAway: (error: DomainError) => void },
): void {
  const leave = (): void => {
    const at = line.indexOf(item);
    if (at === -1) return;
    line.splice(at, 1);
    turnAway(new DomainError('overloaded'));
  };
  line.push(item);
  if (signal?.aborted) leave();
  else signal?.addEventListener('abort', leave, { once: true });
}
