import type { Tracer } from '../ops/measures.ts';
import type { Admit, Change, Store } from './store.ts';

/**
 * The same store, with a span for each look and each append of a call that is followed. For any other it costs a
 * question; what a span needs is made in functions of their own, so that others make nothing.
 */
export function withSpans(store: Store, tracer: Tracer): Store {
  return {
    ...store,
    loadToken: (tokenId) =>
      tracer.isFollowing() ? loadToken(store, tracer, tokenId) : store.loadToken(tokenId),
    loadUser: (userId, admit) =>
      tracer.isFollowing() ? loadUser({ store, tracer, admit }, userId) : store.loadUser(userId, admit),
    append: (change) => (tracer.isFollowing() ? append(store, tracer, change) : store.append(change)),
    listUsers: (query) => tracer.span('list users', () => store.listUsers(query)),
    listEvents: (query) => tracer.span('list events', () => store.listEvents(query)),
  };
}

const loadToken = (store: Store, tracer: Tracer, tokenId: string) =>
  tracer.span('load token', () => store.loadToken(tokenId));

interface Asked {
  readonly store: Store;
  readonly tracer: Tracer;
  readonly admit: Admit | undefined;
}

const loadUser = ({ store, tracer, admit }: Asked, userId: Parameters<Store['loadUser']>[0]) =>
  tracer.span('load user', () => store.loadUser(userId, admit));

const append = (store: Store, tracer: Tracer, change: Change) =>
  tracer.span('append', () => store.append(change));
