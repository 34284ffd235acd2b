import { foldText } from '../domain/filter.ts';
import type { Profile } from '../domain/user.ts';
import { mayEverywhere } from './authorize.ts';
import type { Caller } from './caller.ts';

/**
 * The profile with the reach of its names, as this caller gives them. To reach beyond the organization a name needs
 * somebody who answers for all of them: a caller who may write users on the instance. Their word is enough for a user
 * name; an address must be verified as well. A code that was handed to a manager of one organization proves nothing to
 * the others, so whatever verifies an address later goes by this rule too.
 */
export function withNameReach<Named extends Profile>(caller: Caller, profile: Named): Named {
  const isVouched = mayEverywhere(caller, 'user.write');
  if (profile.kind !== 'human') return { ...profile, ...(!isVouched && { userNameLocal: true }) };
  const emailLocal = !isVouched || !profile.emailVerified;
  // A user name that is the address is as good as that.
  const isAddress = foldText(profile.userName) === foldText(profile.email);
  const userNameLocal = !isVouched || (isAddress && emailLocal);
  return {
    ...profile,
    ...(userNameLocal && { userNameLocal: true }),
    ...(emailLocal && { emailLocal: true }),
  };
}
