import type { UserEvent } from '../events.ts';
import type { ProfileEvent } from '../profile-events.ts';
import type { HumanProfile, Profile } from '../user.ts';

const types: ReadonlySet<string> = new Set<ProfileEvent['type']>([
  'user.username.changed',
  'user.external.id.changed',
  'user.external.id.removed',
  'user.human.profile.changed',
  'user.human.email.changed',
  'user.human.email.verified',
  'user.human.phone.changed',
  'user.human.phone.removed',
  'user.machine.changed',
]);

export function isProfileEvent(event: UserEvent): event is ProfileEvent {
  return types.has(event.type);
}

/** The profile's fold: set by added, moved by what changes it, gone with removed. */
export function evolveProfile(before: Profile | undefined, event: UserEvent): Profile | undefined {
  switch (event.type) {
    case 'user.human.added':
    case 'user.machine.added':
    case 'user.external.added':
      return event.payload.profile;
    case 'user.removed':
      return undefined;
    default:
      return before !== undefined && isProfileEvent(event) ? changed(before, event) : before;
  }
}

function changed(before: Profile, event: ProfileEvent): Profile {
  if (event.type === 'user.username.changed') {
    const { userNameLocal: _reach, ...rest } = before;
    const { userName, userNameLocal } = event.payload;
    return { ...rest, userName, ...(userNameLocal && { userNameLocal }) };
  }
  if (before.kind === 'machine') {
    return event.type === 'user.machine.changed' ? { ...before, ...event.payload } : before;
  }
  if (event.type === 'user.external.id.changed') return { ...before, externalId: event.payload.externalId };
  return before.kind === 'external' ? before : changedHuman(before, event);
}

function changedHuman(
  before: HumanProfile,
  event: Exclude<ProfileEvent, { type: 'user.username.changed' | 'user.external.id.changed' }>,
): HumanProfile {
  switch (event.type) {
    case 'user.human.profile.changed':
    case 'user.human.phone.changed':
      return { ...before, ...event.payload };
    case 'user.external.id.removed': {
      const { externalId: _id, ...rest } = before;
      return rest;
    }
    case 'user.human.phone.removed': {
      const { phone: _phone, phoneVerified: _verified, ...rest } = before;
      return rest;
    }
    case 'user.human.email.changed':
      return { ...before, email: event.payload.email, emailVerified: false, emailLocal: true };
    case 'user.human.email.verified': {
      const { emailLocal: _email, userNameLocal: _name, ...rest } = before;
      const { emailLocal, userNameLocal } = event.payload;
      return {
        ...rest,
        emailVerified: true,
        ...(emailLocal && { emailLocal }),
        ...(userNameLocal && { userNameLocal }),
      };
    }
    case 'user.machine.changed':
      return before;
    default:
      return event satisfies never;
  }
}
