import { DomainError } from '../domain/errors.ts';
import type { Store } from './store.ts';

/** What only looks. Whatever is called otherwise changes something, also what the store learns one day. */
const looks = /^(load|find|list|count|sum|read|is|clock)/;

/** The same store for whoever may only look: each change is refused with the error conditionFalse, and nothing is done. */
export function withoutChanges(store: Store): Store {
  const refused = Object.keys(store)
    .filter((name) => !looks.test(name))
    .map((name) => [name, () => Promise.reject(new DomainError('conditionFalse'))]);
  return { ...store, ...Object.fromEntries(refused) };
}
