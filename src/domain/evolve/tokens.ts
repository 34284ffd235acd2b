import type { UserEvent } from '../events.ts';
import type { Token } from '../user.ts';
import type { EventTime } from './evolve.ts';

/** When and where in the user's history an event happened. */
export interface EventPlace extends EventTime {
  readonly sequence: number;
}

/** The tokens' fold: what ends a user's sign-ins ends them all. */
export function evolveTokens(
  before: readonly Token[],
  event: UserEvent,
  { userId, sequence, createdAt }: EventPlace,
): readonly Token[] {
  switch (event.type) {
    case 'user.pat.added':
      return [...before, { ...event.payload, userId, sequence, createdAt }];
    case 'user.pat.removed':
      return before.filter(({ tokenId }) => tokenId !== event.payload.tokenId);
    case 'user.locked':
    case 'user.deactivated':
    case 'user.removed':
      return [];
    default:
      return before;
  }
}
