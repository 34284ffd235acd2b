import type { Caller } from '../../auth/caller.ts';
import type { UnlockRun } from '../../domain/unlock-run.ts';
import type { CommandApp } from '../change-user.ts';

/**
 * Whoever started the run, with what they hold now: a lock, a deactivation, a lost role or a revoked token holds from the
 * next slice on.
 */
export async function actorOf(
  app: Pick<CommandApp, 'store' | 'now'>,
  { meta, grants, tokenId }: UnlockRun,
): Promise<Caller> {
  const caller = { meta, organizationId: undefined };
  if (meta.actorUserId !== undefined) {
    if (tokenId !== undefined && !(await isInForce(app, tokenId))) return { ...caller, grants: [] };
    const user = await app.store.loadUser(meta.actorUserId);
    return { ...caller, grants: user?.state === 'active' ? user.grants : [] };
  }
  if (meta.actorOsUser !== undefined) return { ...caller, grants: [{ role: 'IAM_OWNER' }] };
  // Somebody whom another issuer knows: what they hold is in their token, and good for as long as that is.
  const isGood = grants !== undefined && app.now() < grants.until;
  return { ...caller, grants: isGood ? grants.held : [] };
}

// One that is over by its own time has let the run begin all the same; one that was ended lets it go no further.
async function isInForce({ store }: Pick<CommandApp, 'store'>, tokenId: string): Promise<boolean> {
  const found = await store.loadToken(tokenId);
  return found !== undefined && found.token.sequence > found.owner.tokensEndedSequence;
}
