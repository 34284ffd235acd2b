import { type AddedEvent, evolvePassword } from '../../../domain/evolve/evolve.ts';
import { foldText } from '../../../domain/filter.ts';
import { externalIdOf, type Profile, type User } from '../../../domain/user.ts';
import { foldedEmail } from '../../sql/login-name.ts';
import { lockoutValues } from '../../sql/rows.ts';
import type { Change } from '../../store.ts';

/** A row of `users`, in the order of its columns. */
export function userValues(user: User): readonly unknown[] {
  return [
    user.userId,
    user.organizationId,
    user.kind,
    user.state,
    user.sequence,
    user.createdAt,
    user.changedAt,
    user.failedPasswordAttempts,
    user.tokensEndedSequence,
    JSON.stringify(user.grants),
    ...lockoutValues(user.lockout),
  ];
}

/** The row of `profiles` of whom the event adds, in the order of its columns. */
export function profileValues({ userId, at, secrets }: Change, event: AddedEvent): readonly unknown[] {
  const { profile } = event.payload;
  const password = evolvePassword(undefined, event, at.createdAt);
  return [
    userId,
    event.payload.organizationId,
    profile.userName,
    foldText(profile.userName),
    JSON.stringify(profile),
    JSON.stringify(foldProfile(profile)),
    secrets?.passwordHash,
    password && Number(password.changeRequired),
    password?.changedAt,
    foldedEmail(profile),
    externalIdOf(profile),
  ];
}

/** The texts that lists are filtered and sorted by, folded. */
export function foldProfile(profile: Profile): Readonly<Record<string, string>> {
  const texts = Object.entries(profile).filter(
    ([key, value]) => typeof value === 'string' && searched.has(key),
  );
  return Object.fromEntries(texts.map(([key, value]) => [key, foldText(String(value))]));
}

const searched: ReadonlySet<string> = new Set<keyof Extract<Profile, { kind: 'human' }> | 'name'>([
  'givenName',
  'familyName',
  'nickName',
  'displayName',
  'email',
  'phone',
  'name',
  'externalId',
]);
