import type { AddedEvent } from '../../../domain/evolve/evolve.ts';
import { foldText } from '../../../domain/filter.ts';
import type { Profile } from '../../../domain/user.ts';
import { profileValues } from '../../sql/user-values.ts';
import type { Change } from '../../store.ts';

/** The values that both databases have, and then profile_folded. */
export function foldedProfileValues(change: Change, event: AddedEvent): readonly unknown[] {
  return [...profileValues(change, event), JSON.stringify(foldProfile(event.payload.profile))];
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
