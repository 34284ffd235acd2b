import { type AddedEvent, evolvePassword } from '../../domain/evolve/evolve.ts';
import { foldText } from '../../domain/filter.ts';
import { externalIdOf, type User } from '../../domain/user.ts';
import type { Change } from '../store.ts';
import { foldedEmail } from './login-name.ts';
import { lockoutValues } from './rows.ts';

type Value = string | number | null;

/** A row of `users`: user_id, then the others in the order of its columns. */
export function userValues(user: User): readonly [userId: string, ...others: Value[]] {
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

/** The row of `profiles` of whom the event adds, in the order of the columns that both databases have. */
export function profileValues({ userId, at, secrets }: Change, event: AddedEvent): readonly Value[] {
  const { organizationId, profile } = event.payload;
  const password = evolvePassword(undefined, event, at.createdAt);
  return [
    userId,
    organizationId,
    profile.userName,
    foldText(profile.userName),
    JSON.stringify(profile),
    secrets?.passwordHash ?? null,
    password === undefined ? null : Number(password.changeRequired),
    password?.changedAt ?? null,
    foldedEmail(profile) ?? null,
    externalIdOf(profile) ?? null,
  ];
}
