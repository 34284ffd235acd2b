import type { Caller } from '../auth/caller.ts';
import { formatToken, hashTokenSecret, newTokenSecret, type PresentedToken } from '../auth/token.ts';
import { DomainError } from '../domain/errors.ts';
import type { UserId } from '../domain/ids.ts';
import { type CommandApp, changeUser } from './change-user.ts';

/** Shown once: the store keeps only a hash of the secret. */
export interface AddedToken {
  readonly tokenId: string;
  /** `id.secret`, what the client sends behind "Bearer ". */
  readonly token: string;
  readonly createdAt: number;
}

export interface TokenToAdd {
  readonly userId: UserId;
  readonly expiresAt: number;
  /** A token that the operator has made; absent: a new one. Never from a caller. */
  readonly given?: PresentedToken | undefined;
}

const ruleFor = (userId: UserId) =>
  ({ userId, permission: 'user.credential.write', notFound: 'userNotFound' }) as const;

/** A personal access token for an active machine user. Throws tokenOfHuman, tokenUserNotActive, tokenExpirationPast. */
export async function addToken(app: CommandApp, caller: Caller, request: TokenToAdd): Promise<AddedToken> {
  const { tokenId, secret } = request.given ?? { tokenId: app.newId(), secret: newTokenSecret() };
  const user = await changeUser(app, caller, ruleFor(request.userId), (found) => {
    if (found.kind !== 'machine') throw new DomainError('tokenOfHuman');
    if (found.state !== 'active') throw new DomainError('tokenUserNotActive');
    if (request.expiresAt <= app.now()) throw new DomainError('tokenExpirationPast');
    return {
      events: [{ type: 'user.pat.added', payload: { tokenId, expiresAt: request.expiresAt } }],
      secrets: { tokenSecretHash: hashTokenSecret(secret) },
    };
  });
  return { tokenId, token: formatToken({ tokenId, secret }), createdAt: user.changedAt };
}

/** Revokes a token, from the next call on. Throws tokenNotFound. Answers the time of deletion. */
export async function removeToken(
  app: CommandApp,
  caller: Caller,
  request: { readonly userId: UserId; readonly tokenId: string },
): Promise<number> {
  const { userId, tokenId } = request;
  const user = await changeUser(app, caller, ruleFor(userId), async (owner) => {
    // Looked up after the user: where a removal or a lock comes between, the user has moved and all is looked at again.
    const found = await app.store.loadToken(tokenId);
    const isVoid = found === undefined || found.token.sequence <= owner.tokensEndedSequence;
    if (isVoid || found.token.userId !== userId) throw new DomainError('tokenNotFound');
    return { events: [{ type: 'user.pat.removed', payload: { tokenId } }] };
  });
  return user.changedAt;
}
