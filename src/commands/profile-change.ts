import type { Caller } from '../auth/caller.ts';
import { withNameReach } from '../auth/name-reach.ts';
import { DomainError } from '../domain/errors.ts';
import { evolveProfile } from '../domain/evolve/profile.ts';
import { foldText } from '../domain/filter.ts';
import { parseName, parseText } from '../domain/ids.ts';
import type { ProfileEvent, ProfileTexts } from '../domain/profile-events.ts';
import {
  externalIdOf,
  type HumanProfile,
  type MachineProfile,
  type NameReach,
  type Profile,
} from '../domain/user.ts';
import { snakeCase } from './create-user.ts';
import { parseEmail } from './email-address.ts';

/** An address or a number to set. Not verified leaves the one that is set already as verified as it is. */
interface Verifiable {
  readonly isVerified: boolean;
  /** A code that proves it is to be handed out. */
  readonly wantsCode?: boolean;
}

/** What is to change; what is absent stays. */
export interface ProfileChange {
  readonly userName?: string;
  /** What an application calls them; an empty one takes it away. A machine user has none. */
  readonly externalId?: string;
  readonly human?: {
    readonly texts?: ProfileTexts;
    readonly email?: Verifiable & { readonly email: string };
    /** An empty number takes the number away. */
    readonly phone?: Verifiable & { readonly phone: string };
  };
  readonly machine?: Partial<Pick<MachineProfile, 'name' | 'description'>>;
}

/** Texts that every store keeps, names as at creation, and an address that is one. Throws fieldInvalid. */
export function parseProfileChange(change: ProfileChange): ProfileChange {
  const { userName: username, externalId, human, machine } = change;
  const texts = { username, externalId, ...human?.texts, ...human?.email, ...human?.phone, ...machine };
  for (const [field, value] of Object.entries(texts)) {
    if (typeof value === 'string') parseText(value, snakeCase(field));
  }
  const name = machine?.name && parseName(machine.name, 'name');
  return {
    ...change,
    ...(username !== undefined && { userName: parseName(username, 'username') }),
    ...(externalId && { externalId: parseName(externalId, 'external_id') }),
    ...(human?.email && {
      human: { ...human, email: { ...human.email, email: parseEmail(human.email.email) } },
    }),
    ...(name && { machine: { ...machine, name } }),
  };
}

/**
 * What the change makes of the profile, as this caller may make it: no event where nothing is another. Throws
 * userKindOther.
 */
export function profileEvents(
  caller: Caller,
  before: Profile,
  change: ProfileChange,
): readonly ProfileEvent[] {
  const { userName, externalId, human, machine } = change;
  const isOther =
    (externalId !== undefined && before.kind === 'machine') ||
    (machine !== undefined && before.kind !== 'machine') ||
    (human !== undefined && before.kind !== 'human');
  if (isOther) throw new DomainError('userKindOther');
  const events: ProfileEvent[] = [];
  let profile = before;
  const add = (event: ProfileEvent | undefined) => {
    if (event === undefined) return;
    events.push(event);
    profile = foldProfile(profile, [event]);
  };
  if (userName !== undefined) add(userNameChange(caller, profile, userName));
  if (externalId !== undefined) add(externalIdChange(profile, externalId));
  if (machine !== undefined) add(textsChange('user.machine.changed', profile, machine));
  if (human?.texts !== undefined) add(textsChange('user.human.profile.changed', profile, human.texts));
  if (profile.kind === 'human' && human?.email !== undefined) {
    const { email, isVerified } = human.email;
    if (email !== profile.email) add({ type: 'user.human.email.changed', payload: { email } });
    if (isVerified) add(emailVerification(caller, profile));
  }
  if (profile.kind === 'human' && human?.phone !== undefined) add(phoneChange(profile, human.phone));
  return events;
}

/** The profile after the events. */
export function foldProfile(before: Profile, events: readonly ProfileEvent[]): Profile {
  return events.reduce<Profile>((profile, event) => evolveProfile(profile, event) ?? profile, before);
}

function userNameChange(caller: Caller, before: Profile, userName: string): ProfileEvent | undefined {
  if (userName === before.userName) return undefined;
  const { userNameLocal } = withNameReach<Profile>(caller, { ...before, userName });
  return { type: 'user.username.changed', payload: { userName, ...(userNameLocal && { userNameLocal }) } };
}

function externalIdChange(before: Profile, externalId: string): ProfileEvent | undefined {
  if (externalId === (externalIdOf(before) ?? '')) return undefined;
  if (externalId !== '') return { type: 'user.external.id.changed', payload: { externalId } };
  if (before.kind === 'external') {
    const text =
      'User is of another kind: nothing but the external id is known of them, so it is replaced or stays';
    throw new DomainError('userKindOther', { text });
  }
  return { type: 'user.external.id.removed', payload: {} };
}

function textsChange<Type extends 'user.machine.changed' | 'user.human.profile.changed'>(
  type: Type,
  before: Profile,
  texts: object,
): { readonly type: Type; readonly payload: object } | undefined {
  const changed = Object.entries(texts).filter(
    ([name, value]) => value !== undefined && value !== before[name as keyof Profile],
  );
  return changed.length === 0 ? undefined : { type, payload: Object.fromEntries(changed) };
}

/**
 * The address is theirs, in the word of this caller. How far the names reach goes by who vouches: a name that reached
 * further already keeps that. undefined: all of it is so already.
 */
export function emailVerification(caller: Caller, before: Profile): ProfileEvent | undefined {
  if (before.kind !== 'human') throw new DomainError('userKindOther');
  const { emailLocal, userNameLocal } = withNameReach<HumanProfile>(caller, reachless(before));
  const reach: NameReach & Pick<HumanProfile, 'emailLocal'> = {
    ...(emailLocal && { emailLocal }),
    ...(keepsLocal(before, userNameLocal) && { userNameLocal: true }),
  };
  const isSame =
    before.emailVerified &&
    !(before.emailLocal && !emailLocal) &&
    !(before.userNameLocal && !reach.userNameLocal);
  return isSame ? undefined : { type: 'user.human.email.verified', payload: reach };
}

function reachless(before: HumanProfile): HumanProfile {
  const { emailLocal: _email, userNameLocal: _name, ...rest } = before;
  return { ...rest, emailVerified: true };
}

// A user name that is the address comes to reach as far as that; any other stays as it was given.
function keepsLocal(before: HumanProfile, userNameLocal: true | undefined): boolean {
  if (before.userNameLocal === undefined) return false;
  return userNameLocal === true || foldText(before.userName) !== foldText(before.email);
}

function phoneChange(
  before: HumanProfile,
  { phone, isVerified }: Verifiable & { readonly phone: string },
): ProfileEvent | undefined {
  if (phone === '') {
    return before.phone === undefined ? undefined : { type: 'user.human.phone.removed', payload: {} };
  }
  const phoneVerified = isVerified || (phone === before.phone && before.phoneVerified === true);
  if (phone === before.phone && phoneVerified === (before.phoneVerified ?? false)) return undefined;
  return { type: 'user.human.phone.changed', payload: { phone, phoneVerified } };
}
