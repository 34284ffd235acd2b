import type { HistoryEntry } from '../../gen/es/latchkey/v1/admin_pb.js';
import { LockCause, LockEnd } from '../../gen/es/latchkey/v1/lock_pb.js';
import { UserState } from '../../gen/es/zitadel/user/v2/user_pb.js';
import { howMany } from '../domain/words/how-many.ts';

export const stateWords: Readonly<Record<UserState, string>> = {
  [UserState.UNSPECIFIED]: 'Unknown',
  [UserState.ACTIVE]: 'Active',
  [UserState.INACTIVE]: 'Deactivated',
  [UserState.DELETED]: 'Deleted',
  [UserState.LOCKED]: 'Locked',
  [UserState.INITIAL]: 'Not set up yet',
};

export const causeWords: Readonly<Record<LockCause, string>> = {
  [LockCause.UNSPECIFIED]: 'Not recorded',
  [LockCause.POLICY]: 'Too many wrong passwords',
  [LockCause.ADMINISTRATOR]: 'Locked by somebody',
  [LockCause.COMMAND_LINE]: 'Locked on the command line',
};

export const endWords: Readonly<Record<LockEnd, string>> = {
  [LockEnd.UNSPECIFIED]: 'Ended',
  [LockEnd.UNLOCKED]: 'Unlocked',
  [LockEnd.TIME]: 'Ended by itself',
  [LockEnd.DEACTIVATED]: 'User deactivated',
  [LockEnd.DELETED]: 'User deleted',
};

const eventWords: Readonly<Record<string, string>> = {
  'user.locked': 'Locked',
  'user.unlocked': 'Unlocked',
  'user.deactivated': 'Deactivated',
  'user.reactivated': 'Reactivated',
  'user.removed': 'Deleted',
  'user.human.added': 'Created',
  'user.machine.added': 'Created',
  'user.external.added': 'Created',
  'user.attempt.abandoned': 'Attempt given up',
  'user.human.password.changed': 'Password set',
  'user.human.password.check.failed': 'Wrong password',
  'user.human.password.check.succeeded': 'Signed in with a password',
  'user.human.password.code.added': 'Password reset code made',
  'user.human.email.code.added': 'E-mail code made',
  'user.human.phone.code.added': 'Phone code made',
  'user.human.email.changed': 'E-mail address changed',
  'user.human.email.verified': 'E-mail address verified',
  'user.human.phone.changed': 'Phone number changed',
  'user.human.phone.removed': 'Phone number removed',
  'user.human.profile.changed': 'Profile changed',
  'user.machine.changed': 'Profile changed',
  'user.erased': 'Erased',
  'user.lock.reason.removed': 'Reason of the lock removed',
  'user.metadata.set': 'Metadata set',
  'user.metadata.removed': 'Metadata removed',
  'user.username.changed': 'User name changed',
  'user.external.id.changed': 'External id changed',
  'user.external.id.removed': 'External id removed',
  'user.pat.added': 'Token made',
  'user.pat.removed': 'Token removed',
  'user.grant.added': 'Role given',
  'user.grant.removed': 'Role taken away',
};

/** What happened, in words; the type itself where there are none. */
export function eventWordsOf(type: string): string {
  return eventWords[type] ?? type;
}

/** Who did it, by the best name that is known. */
export function actorOf({ event, actorLoginName }: HistoryEntry): string {
  const actor = event?.actor;
  if (actor?.policy === 'lockout') return 'the lockout policy';
  const person = actorLoginName || actor?.userId || actor?.subject;
  if (person) return person;
  return actor?.osUser ? `${actor.osUser} on the command line` : 'nobody known';
}

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** "2 hours 5 minutes", the two largest units; "less than a second" where there is less. */
export function durationWords(ms: number): string {
  let seconds = Math.max(0, Math.floor(ms / 1_000));
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(seconds / size);
    if (count > 0 && parts.length < 2) parts.push(howMany(count, unit));
    else if (parts.length > 0) break;
    seconds %= size;
  }
  return parts.length === 0 ? 'less than a second' : parts.join(' ');
}

/** "5 minutes", the largest unit alone. */
export function roughly(ms: number): string {
  const seconds = Math.max(1, Math.floor(ms / 1_000));
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? units[3];
  const count = Math.floor(seconds / size);
  return howMany(count, unit);
}

const absolute = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
});

/** "31 Jan 2026, 13:00 CET" */
export function absoluteWords(ms: number): string {
  return absolute.format(ms);
}
